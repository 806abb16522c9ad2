"""Whether the garbage collector called.

It runs a program's ``__del__`` on any thread, in the middle of anything that this thread does: of a decision of ours,
with its locks taken, or of reading a connection. What such a function asks for must not wait there for what only this
thread can end.
"""

from __future__ import annotations

import sys
import threading
from types import FrameType

_OURS = "paramedic.safe."
_INSIDE = frozenset(
    _OURS + name
    for name in (
        "answers",
        "clock",
        "ender",
        "hand",
        "link",
        "link_channel",
        "packetizer",
        "plan",
        "pulse",
        "runner",
        "runners",
        "session",
        "wire",
    )
)
"""Modules that never call a function of the program, and have locks or are what others wait for."""


def in_the_middle() -> bool:
    """Whether a function of the program that called us was called in the middle of what must not be kept waiting.

    On the main thread it is a signal's handler that is called in the middle of anything. Others do for it what changes
    anything (:mod:`.hand`), so that it keeps nobody waiting.

    Threads: any thread; it does not block.
    """
    if threading.current_thread() is threading.main_thread():
        return False
    here: FrameType | None = sys._getframe(1)
    while here is not None and here.f_globals.get("__name__", "").startswith((_OURS, "contextlib")):
        here = here.f_back  # how it got here
    while here is not None:
        if here.f_globals.get("__name__") in _INSIDE:
            return True
        here = here.f_back
    return False
