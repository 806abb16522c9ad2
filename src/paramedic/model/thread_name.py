"""Names of threads, as a recording keeps them: those of threads that run one function are one text, and numbers."""

from __future__ import annotations

_PREFIX = "Thread-"
_MOST_DIGITS = 9


def name_parts(name: str) -> tuple[int, str]:
    """``Thread-12 (work)``, as `threading` calls a thread, is 12 and ``work``, ``Thread-12`` 12 and nothing.

    Another name is 0 and the name.

    Threads: pure.
    """
    if name.startswith(_PREFIX):
        digits, _, rest = name[len(_PREFIX) :].partition(" (")
        if digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS and int(digits):
            parts = int(digits), rest[:-1]
            if joined_name(*parts) == name:
                return parts
    return 0, name


def joined_name(number: int, words: str) -> str:
    """The name whose parts these are.

    Threads: pure.
    """
    if not number:
        return words
    return f"{_PREFIX}{number} ({words})" if words else f"{_PREFIX}{number}"
