"""What the tasks of an event loop wait for is noted when the loop has nothing to do, no timer and no socket."""

from __future__ import annotations

import pytest
from twice import Run

from paramedic.model.event import ENDS_PROGRAM, TICKS, Kind, State, TaskWait
from paramedic.model.operations import NUMBER

HEAD = """\
import asyncio, os, signal, sys, threading
from paramedic.record import loop_rests
looked, look = [], loop_rests._look
def watched(probes, tasks, *more):  # the look is over: the program goes on
    looked.append(look(probes, tasks, *more))
    loop = asyncio.get_running_loop()
    loop.call_soon_threadsafe(end.set)
    return looked[-1]
loop_rests._look, loop_rests.REST_S = watched, 0.01
"""
STILL = """\
async def get(queue): await queue.get()
async def put(queue): await queue.put(1)
async def join(queue): await queue.join()
async def within(lock):
    async with lock: pass
async def acquire(lock): await lock.acquire()
async def notified(condition):
    async with condition: await condition.wait()
async def items(lock):
    async with lock: yield 1
async def first_of(lock):
    async for item in items(lock): return item
async def main():
    global end
    end = asyncio.Event()
    full, slots, lock = asyncio.Queue(1), asyncio.BoundedSemaphore(1), asyncio.Lock()
    full.put_nowait(0)
    await slots.acquire()
    await lock.acquire()
    waits = [get(asyncio.LifoQueue()), put(full), join(full), within(lock), within(slots), acquire(slots),
             asyncio.Event().wait(), notified(asyncio.Condition()), first_of(lock)]
    tasks = [asyncio.create_task(w) for w in waits]
    tasks.append(asyncio.create_task(asyncio.wait(tasks)))
    tasks.append(asyncio.ensure_future(asyncio.gather(*tasks)))
    await end.wait()
    for task in tasks: task.cancel()
    print(await asyncio.gather(*tasks, return_exceptions=True) and "over")
asyncio.run(main())
"""


def test_each_task_is_told_with_what_it_waits_for(recorded: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    script = tmp_path_factory.mktemp("program") / "still.py"
    script.write_text(HEAD + STILL)
    done = recorded(str(script))
    assert done.out == "over\n", done.err
    (trace,) = done.traces()
    states = [e for e in trace.events() if e.kind == Kind.STATE]
    first, last = (next(e for e in order if e.op == State.LOOP_RESTS) for order in (states, states[::-1]))
    waits = [e for e in states if e.op == State.TASK_WAITS]
    assert (first.a, first.b, last.b) == (len(waits), 1, 0)
    one_each = [TaskWait.GET, TaskWait.PUT, TaskWait.JOIN, TaskWait.LOCK, TaskWait.LOCK, TaskWait.SLOT, TaskWait.ASKED]
    assert sorted(e.b for e in waits) == sorted(
        [*one_each, TaskWait.EVENT, TaskWait.EVENT, TaskWait.CONDITION, TaskWait.TASKS]
    )
    assert all(e.obj > 0 for e in waits if e.b != TaskWait.TASKS)
    frames = {e.b: trace.texts[int(trace.texts[e.site].split()[1])].split("\t") for e in waits if e.site}
    source = (HEAD + STILL).splitlines()
    for what, line in (
        (TaskWait.GET, "async def get(queue): await queue.get()"),
        (TaskWait.SLOT, "    async with lock: pass"),
    ):
        assert frames[what][1:3] == [str(script), str(source.index(line) + 1)]
    born = {e.obj: e.site for e in trace.events() if e.kind == Kind.NEW}
    assert all(born[e.obj] for e in waits if e.obj)  # where it was made


BUSY = {
    "a timer": "asyncio.get_running_loop().call_later(60, print)",
    "a signal's handler": "asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, print)",
    "a pipe": "asyncio.get_running_loop().add_reader(os.pipe()[0], print)",
    "nothing": "pass",
}


@pytest.mark.parametrize("what", BUSY)
def test_a_loop_that_may_be_woken_is_not_looked_at(what: str, recorded: Run) -> None:
    """It waits for a thread that wakes it now and then, each time after longer than a look takes to begin."""
    program = f"""\
async def main():
    global end
    end = asyncio.Event()
    {BUSY[what]}
    await asyncio.get_running_loop().run_in_executor(None, turns, asyncio.get_running_loop())
    print(len(looked) > 0)
def turns(loop):
    for _ in range(20):
        loop.call_soon_threadsafe(int)
        threading.Event().wait(0.05)
asyncio.run(main())
"""
    done = recorded("-c", HEAD + program)
    assert done.out == f"{what == 'nothing'}\n", done.err
    assert not done.gaps()


TICKING = """\
loop_rests._BETWEEN_LOOKS_S = 0
async def beat(stop):
    while True: await asyncio.sleep(0.03)
async def until(stop):
    while not stop.is_set():
        try: await asyncio.wait_for(stop.wait(), 0.05)
        except asyncio.TimeoutError: pass
async def get(queue): return await queue.get()
async def main():
    global end
    end, queue, stop = asyncio.Event(), asyncio.Queue(), asyncio.Event()
    gets = asyncio.create_task(get(queue))
    tasks = [asyncio.create_task(f(stop)) for f in (beat, until)]
    {more}
    await end.wait()
    await asyncio.sleep(0.3)
    queue.put_nowait("over")
    print(await gets)
    for task in tasks: task.cancel()
asyncio.run(main())
"""


def test_a_loop_whose_only_timers_are_those_of_sleepers_is_looked_at(recorded: Run) -> None:
    done = recorded("-c", HEAD + TICKING.format(more="pass"))
    assert done.out == "over\n" and not done.gaps(), done.err
    (trace,) = done.traces()
    states = [e for e in trace.events() if e.kind == Kind.STATE and e.op in (State.LOOP_RESTS, State.TASK_WAITS)]
    assert [(e.op, e.a, e.b) for e in states[:1]] == [(State.LOOP_RESTS, 4, TICKS)]
    waits = sorted(e.b for e in states[1:5])
    assert waits == [TaskWait.GET, TaskWait.EVENT, TaskWait.TIMER, TaskWait.TIMER]
    assert (states[5].op, states[5].b) == (State.LOOP_RESTS, 0), "main went on"


def test_a_loop_with_any_other_timer_is_not(recorded: Run) -> None:
    more = "asyncio.get_running_loop().call_later(0.6, lambda: [end.set(), print(len(looked))])"
    done = recorded("-c", HEAD + TICKING.format(more=more))
    assert done.out == "0\nover\n" and not done.gaps(), done.err


def test_ctrl_c_during_a_look_has_no_frame_of_ours_in_its_traceback(recorded: Run) -> None:
    program = """\
import traceback
real = loop_rests._look
def interrupted(probes, tasks):
    signal.raise_signal(signal.SIGINT)
loop_rests._look = interrupted
async def main(): await asyncio.Event().wait()
loop = asyncio.new_event_loop()
try: loop.run_until_complete(main())
except KeyboardInterrupt: print("paramedic" in traceback.format_exc())
"""
    done = recorded("-c", HEAD + program)
    assert done.out == "False\n", done.err
    assert not done.gaps()


@pytest.mark.parametrize(
    ("function", "guards"),
    [
        ("os._exit", True),
        ("guard", True),
        ("lambda: os._exit(3)", True),
        ("print", False),
        ("lambda: print(1)", False),
        ("lambda: queue.put(1) if queue else os._exit(1)", False),
    ],
)
def test_a_timer_that_ends_the_program_is_told_from_others(function: str, guards: bool, recorded: Run) -> None:
    done = recorded(
        "-c",
        "import os, sys, threading\n"
        "def guard():\n    print('too late', file=sys.stderr)\n    os._exit(3)\n"
        f"timer = threading.Timer(1000, {function})\ntimer.start()\ntimer.cancel()\n",
    )
    assert done.status == 0, done.err
    (start,) = [e for e in done.events() if e.kind == Kind.START and e.b]
    assert bool(start.op & ENDS_PROGRAM) is guards


def test_a_future_of_a_coroutine_is_told_with_its_loop(recorded: Run) -> None:
    done = recorded(
        "-c",
        "import asyncio\n"
        "async def one(): return 1\n"
        "async def main():\n"
        "    loop = asyncio.get_running_loop()\n"
        "    def ask(): return asyncio.run_coroutine_threadsafe(one(), loop).result()\n"
        "    print(await asyncio.to_thread(ask))\n"
        "asyncio.run(main())\n",
    )
    assert done.out == "1\n" and not done.gaps(), done.err
    (trace,) = done.traces()
    (told,) = [e for e in trace.events() if e.kind == Kind.STATE and e.op == State.OF_COROUTINE]
    runs = NUMBER["Loop.run_forever"]
    assert told.a in {e.obj for e in trace.events() if e.kind == Kind.CALL and e.op == runs}
    assert told.obj > 0
