"""What a thread hands to a loop of trio's or Twisted's comes before what the loop does then."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from twice import Run

from paramedic.model.event import Kind

PROGRAMS = {
    "trio": """
import threading, trio
async def main():
    token = trio.lowlevel.current_trio_token()
    for turn in range(3):
        heard = trio.Event()
        threading.Thread(target=token.run_sync_soon, args=(heard.set,)).start()
        await heard.wait()
    print(await trio.to_thread.run_sync(trio.from_thread.run_sync, str, 5))
    return token
token = trio.run(main)
try:
    token.run_sync_soon(print)
except trio.RunFinishedError as error:
    print(error)
""",
    "twisted": """
import threading
from twisted.internet import defer, reactor, threads
@defer.inlineCallbacks
def main():
    for turn in range(3):
        heard = defer.Deferred()
        threading.Thread(target=reactor.callFromThread, args=(heard.callback, turn)).start()
        print((yield heard), (yield threads.deferToThread(str, turn)))
    try:
        reactor.callFromThread(None)
    except AssertionError as error:
        print(error)
    reactor.stop()
reactor.callWhenRunning(main)
reactor.run()
reactor.callFromThread(print, "too late")
""",
}


@pytest.mark.parametrize("loop", PROGRAMS)
def test_what_is_handed_in_is_taken(loop: str, plain: Run, recorded: Run) -> None:
    if find_spec(loop) is None:
        pytest.skip(f"{loop} is not installed")
    alone, ours = plain("-c", PROGRAMS[loop]), recorded("-c", PROGRAMS[loop])
    assert ours == alone, ours.unlike(alone)
    assert ours.gaps() == []
    (trace,) = ours.traces()
    events = list(trace.events())
    threads = {e.a for e in events if e.kind == Kind.START}
    doors = {e.obj for e in events if e.kind == Kind.POST and e.a == -1 and e.thread in threads}
    mine = [e for e in events if e.obj in doors and e.kind in (Kind.POST, Kind.TAKE) and e.a == -1]
    handed = [number for number, e in enumerate(mine) if e.kind == Kind.POST and e.thread != 1]
    assert len(handed) >= 3
    for number in handed:
        assert any(e.kind == Kind.TAKE and e.thread == 1 for e in mine[number:]), "the loop takes what it is given"
