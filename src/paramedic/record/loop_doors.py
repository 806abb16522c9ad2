"""The one door into a loop's thread that trio and Twisted have, beside asyncio's ``call_soon_threadsafe``.

What a thread has done before it hands a function in comes before that function. The loop runs what it is given in that
order, so we hand in one of ours just before.

Threads: the probes run in whichever thread hands something in, and in the loop's; they block no longer than to hand in.
"""

from __future__ import annotations

from typing import Any

from paramedic.model.event import Kind
from paramedic.record.patches import Target
from paramedic.record.probe import Probes

_POST, _TAKE = int(Kind.POST), int(Kind.TAKE)
DOORS = {
    "trio._core._entry_queue": ("EntryQueue", "run_sync_soon", "sync_fn"),
    "twisted.internet.base": ("ReactorBase", "callFromThread", "f"),
}
"""By module: a class, its method, and the parameter that is the function (trio 0.35, Twisted 26.10)."""


def loop_door(probes: Probes, module: Any) -> list[Target]:
    """The probe of the door of one of these modules; none where it has no such class.

    Threads: the thread that starts a recording, or that imports the module.
    """
    kind, name, parameter = DOORS[module.__name__]
    owner = getattr(module, kind, None)
    if not isinstance(owner, type):
        return []
    row, trouble = probes.row, probes.trouble
    given = probes.new_id()  # of all loops of the kind: an EntryQueue has no room for one of its own

    def took() -> None:
        try:
            row(_TAKE, 0, given, 0, -1, 0)
        except Exception as e:
            trouble(name, e)

    def enter(loop: Any, function: Any) -> None:
        if function is took:
            return
        try:
            row(_POST, 0, given, 0, -1, 0)
        except Exception as e:
            trouble(name, e)
            return
        try:
            getattr(loop, name)(took)
        except Exception:  # that the loop has ended the program is told by its own call
            return

    return [Target(owner, name, enter, parameters=(parameter,))]
