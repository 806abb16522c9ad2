"""`paramedic.trace.rows.Decoder` in C, which says what each piece is.

Threads: one thread for each decoder; nothing here blocks.
"""

from paramedic.model.event import Row
from paramedic.trace.rows import Going

FORM: int
"""Which state of the source this was built from."""

class Decoder:
    """Turns one file's rows into events.

    Raises:
        ValueError: there are not 256 meanings.
    """

    damaged: int

    def __init__(
        self,
        meanings: bytes,
        operations: tuple[int, int, int, int, int, int],
        numbers: tuple[int, int, int, int, int, int, int],
    ) -> None: ...
    def decode(
        self, rows: bytes, thread: int, events: list[Row], until_ns: int, later: list[Row], going: Going, /
    ) -> int:
        """As in Python."""
