"""Room for the recording of a process that gives up root's rights, or its view of the file system.

Afterwards it can neither make its file nor make it longer: servers start as root, fork, and go on as somebody else. So
both is done just before, in a stand-in for the few functions of `os` that do this. Only root has them.

Threads: any; a call blocks as the original does, and on the disk.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

from paramedic.record.c_function import CFunction

_GIVE_UP = ("setuid", "seteuid", "setreuid", "setresuid", "chroot")


def stand_ins(before: Callable[[], None]) -> Iterator[tuple[Any, str, Any]]:
    """Modules, names, and what to put there; nothing for those who have no rights to give up.

    Args:
        before: called before the rights are given up.

    Threads: pure.
    """
    if getattr(os, "geteuid", lambda: 1)() != 0:
        return
    for name in _GIVE_UP:
        real = getattr(os, name, None)
        if real is not None:
            ours = CFunction(real, before)
            for module in (os, sys.modules.get(os.name)):  # `posix`, by which it is pickled
                if module is not None and module.__dict__.get(name) is real:
                    yield module, name, ours
