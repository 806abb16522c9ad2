"""uvloop's loops are in C, and watched all the same: who hands them something, when they run, who made their tasks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from twice import Run

from paramedic.model.event import Kind
from paramedic.model.operations import NUMBER
from paramedic.record.hand_overs import SUBMITTED

pytest.importorskip("uvloop")

HANDS_OVER = """
import asyncio, threading, uvloop
async def main():
    loop, heard = asyncio.get_running_loop(), asyncio.Event()
    threading.Thread(target=lambda: loop.call_soon_threadsafe(heard.set)).start()
    await heard.wait()
uvloop.run(main())
"""
SAME = {
    "a callback's arguments and its context": """
import asyncio, contextvars, threading, uvloop
name = contextvars.ContextVar("name", default="none")
async def main():
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    told = []
    def heard(*words):
        print(words, name.get())
        if words == ("last",): done.set()
    def worker():
        context = contextvars.copy_context()
        context.run(name.set, "mine")
        told.append(type(loop.call_soon_threadsafe(heard, 1, 2)).__name__)
        told.append(repr(loop.call_soon_threadsafe(heard, "last", context=context)).partition(" at ")[0])
    thread = threading.Thread(target=worker)
    thread.start()
    await done.wait()
    thread.join()
    print(told)
uvloop.run(main(), debug=True)
""",
    "what a loop that is closed says, and one that runs already": """
import asyncio, traceback, uvloop
loop = uvloop.new_event_loop()
async def again():
    try: loop.run_forever()
    except RuntimeError: traceback.print_exc()
loop.run_until_complete(again())
loop.close()
for wrong in (lambda: loop.call_soon_threadsafe(print), lambda: loop.call_soon_threadsafe(), loop.run_forever,
              lambda: loop.create_task(), lambda: loop.create_task(3)):
    try: wrong()
    except Exception: traceback.print_exc()
""",
    "Ctrl-C and what a callback raises": """
import asyncio, os, signal, uvloop
class Fails:
    def __call__(self): 1 / 0
    def __repr__(self): return "fails"
loop = uvloop.new_event_loop()
loop.call_soon(Fails())
loop.call_later(0.1, os.kill, os.getpid(), signal.SIGINT)
loop.run_forever()
""",
    "a class of the program's own": """
import asyncio, threading, uvloop
class Mine(uvloop.Loop):
    def call_soon_threadsafe(self, callback, *args, context=None):
        print("mine", threading.current_thread() is threading.main_thread())
        return super().call_soon_threadsafe(callback, *args, context=context)
    def create_task(self, coro, **how):
        print("task")
        return super().create_task(coro, **how)
with asyncio.Runner(loop_factory=Mine) as runner:
    print(runner.run(asyncio.to_thread(int, "3")))
""",
}
LOOK = """
import inspect, json, sys, uvloop
from paramedic.record.session import Options, Session
names = ("call_soon_threadsafe", "run_forever", "create_task")
def look():
    found = [getattr(uvloop.Loop, name) for name in names]
    return [[str(inspect.signature(f)), f.__name__, f.__doc__] for f in found]
before, told = dict(vars(uvloop.Loop)), look()
session = Session(Options(directory=sys.argv[1]))
session.start()
meanwhile, told_meanwhile = dict(vars(uvloop.Loop)), look()
session.stop()
print(json.dumps([sorted(meanwhile.keys() - before.keys()), told == told_meanwhile, dict(vars(uvloop.Loop)) == before]))
"""
GATHERS = """\
import asyncio, uvloop
async def main():
    await asyncio.gather(asyncio.to_thread(int), asyncio.to_thread(int))  # here
uvloop.run(main())
"""


def test_what_is_handed_to_the_loop_is_taken_by_it(recorded: Run) -> None:
    done = recorded("-c", HANDS_OVER)
    assert (done.status, done.gaps()) == (0, []), done.err
    (trace,) = done.traces()
    events = list(trace.events())
    handed = next(n for n, e in enumerate(events) if e.kind == Kind.POST and e.thread != 1 and e.a == -1)
    loop = events[handed].obj
    assert loop
    assert any(e.kind == Kind.TAKE and (e.obj, e.a, e.thread) == (loop, -1, 1) for e in events[handed:])
    runs = NUMBER["Loop.run_forever"]
    assert {e.kind for e in events if e.op == runs and e.obj == loop} >= {Kind.CALL, Kind.RETURN}


@pytest.mark.parametrize("what", SAME)
def test_nothing_changes(what: str, plain: Run, recorded: Run) -> None:
    alone, ours = plain("-c", SAME[what]), recorded("-c", SAME[what])
    assert ours == alone, ours.unlike(alone)
    assert ours.gaps() == []


def test_the_class_inherits_again_what_it_did(plain: Run, tmp_path: Path) -> None:
    done = plain("-c", LOOK, str(tmp_path / "r"))
    assert done.status == 0, done.err
    put_in, looks_the_same, is_back = json.loads(done.out)
    assert put_in == ["_paramedic_id_", "call_soon_threadsafe", "create_task", "run_forever"]
    assert looks_the_same and is_back


def test_to_thread_s_own_task_is_told_with_who_made_it(recorded: Run, tmp_path: Path) -> None:
    script = tmp_path / "gathers.py"
    script.write_text(GATHERS)
    done = recorded(str(script))
    assert done.status == 0, done.err
    (trace,) = done.traces()
    given = [e for e in trace.events() if e.kind == Kind.POST and e.a == SUBMITTED]
    assert len(given) == 2
    for event in given:
        frames = [trace.texts[int(number)].split("\t") for number in trace.texts[event.site].split()[1:]]
        assert next(f[2] for f in frames if f[1] == str(script)) == "3"
