"""When a client's object goes: Paramiko's have no finalizer, and a connection lives on without its client.

Threads: `Ends.of` in any thread; what it notes is written by whichever thread drops the last reference, or runs the
collector. Neither blocks.
"""

from __future__ import annotations

from _weakref import ref  # not through `weakref`: what the program does to that module is its own
from typing import Any

from paramedic.model.event import Kind
from paramedic.record.probe import Probes

_FINAL = int(Kind.FINAL)


class Ends:
    """Records the end of objects.

    Threads: see the module's text.
    """

    def __init__(self, probes: Probes) -> None:
        """Nothing is watched yet."""
        self._row, self._trouble = probes.row, probes.trouble
        self._kept: dict[int, tuple[Any, int]] = {}  # a weak reference is called back only while it lives itself

    def of(self, thing: Any, given: int) -> None:
        """Have the end of an object recorded, under this id; of one that cannot be referred to weakly nothing is said.

        Threads: any; it does not block.
        """
        try:
            weak = ref(thing, self._gone)
        except TypeError:
            return
        self._kept[id(weak)] = weak, given

    def _gone(self, weak: Any) -> None:
        try:
            _, given = self._kept.pop(id(weak))
            self._row(_FINAL, 0, given, 0, 1, 0)
        except Exception as e:
            self._trouble("end", e)
