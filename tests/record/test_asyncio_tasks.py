"""Work that an event loop gives to threads is told with the line that made its task."""

from __future__ import annotations

from pathlib import Path

from twice import Run

from paramedic.model.event import ASYNC_KIND, ASYNC_PUT, ASYNC_TASK_SHIFT, ASYNC_TOOK, ASYNC_WAITS, Kind, State
from paramedic.record.hand_overs import SUBMITTED

ANYTHING = -1
"""The token of whatever was handed in before."""

PROGRAM = """\
import asyncio
async def one(n):
    return await asyncio.to_thread(str, n)
async def main():
    await asyncio.gather(asyncio.to_thread(int), asyncio.to_thread(int))  # gather
    await asyncio.wait_for(asyncio.to_thread(int), 20)  # wait_for
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.to_thread(int))  # group
    await asyncio.gather(one(1), one(2))
    await asyncio.to_thread(int)  # itself
asyncio.run(main())
"""


def test_to_thread_s_own_task_is_told_with_who_made_it(recorded: Run, tmp_path: Path) -> None:
    script = tmp_path / "gathers.py"
    script.write_text(PROGRAM)
    done = recorded(str(script))
    assert done.status == 0, done.err
    (trace,) = done.traces()
    lines = []
    for event in trace.events():
        if event.kind == Kind.POST and event.a == SUBMITTED and event.site:
            frames = [trace.texts[int(number)].split("\t") for number in trace.texts[event.site].split()[1:]]
            lines.append(next(int(f[2]) for f in frames if f[1] == str(script)))
    source = PROGRAM.splitlines()
    said = [source.index(next(line for line in source if line.endswith(f"# {what}"))) + 1 for what in
            ("gather", "wait_for", "group", "itself")]  # fmt: skip
    own = source.index("    return await asyncio.to_thread(str, n)") + 1
    assert sorted(lines) == sorted([said[0], *said, own, own])


def test_what_tasks_do_with_a_queue_of_the_loop_s_is_told(recorded: Run) -> None:
    done = recorded(
        "-c",
        "import asyncio\n"
        "async def main():\n"
        "    queue, thing = asyncio.Queue(), object()\n"
        "    waiter = asyncio.create_task(queue.get())\n"
        "    await asyncio.sleep(0)\n"
        "    assert not waiter.done() and queue.empty()\n"
        "    queue.put_nowait(thing)\n"
        "    assert await waiter is thing\n"
        "asyncio.run(main())\n",
    )
    assert done.status == 0, done.err
    rows = [e for e in done.events() if e.kind == Kind.STATE and e.op == State.ASYNC_QUEUE]
    assert [row.b & ASYNC_KIND for row in rows] == [ASYNC_WAITS, ASYNC_PUT, ASYNC_TOOK]
    assert rows[1].a == rows[2].a  # the same thing
    assert rows[0].b >> ASYNC_TASK_SHIFT == rows[2].b >> ASYNC_TASK_SHIFT  # the same task


def test_what_a_loop_runs_before_it_is_known_to_be_handed_in_was_handed_in(recorded: Run) -> None:
    """The loop may be quicker than the thread that has called it is in coming back from that call."""
    done = recorded(
        "-c",
        "import asyncio, sys, threading\n"
        "kept = []\n"
        "async def main():\n"
        "    loop, ran = asyncio.get_running_loop(), threading.Event()\n"
        "    wake, future = loop._write_to_self, loop.create_future()\n"
        "    loop._write_to_self = lambda: (wake(), ran.wait(20))\n"
        "    def told():\n"
        "        kept.append(sys._getframe(1).f_locals['self'])  # no other handle gets its id\n"
        "        ran.set()\n"
        "        future.set_result(1)\n"
        "    threading.Thread(target=loop.call_soon_threadsafe, args=(told,)).start()\n"
        "    await future\n"
        "asyncio.run(main())\n",
    )
    assert done.status == 0, done.err
    (post,) = (e for e in done.events() if e.kind == Kind.POST and e.a == ANYTHING)
    took = [e for e in done.events() if e.kind == Kind.TAKE and e.obj == post.obj]
    assert took and took[0].thread != post.thread


def test_which_task_gave_work_to_an_executor_is_told_and_who_made_it(recorded: Run) -> None:
    done = recorded(
        "-c",
        "import asyncio, concurrent.futures\n"
        "async def steps(pool):\n"
        "    for _ in range(2): await asyncio.get_running_loop().run_in_executor(pool, int)\n"
        "async def main():\n"
        "    with concurrent.futures.ThreadPoolExecutor(1) as pool:\n"
        "        await asyncio.gather(steps(pool), steps(pool))\n"
        "        await steps(pool)\n"
        "        for _ in range(20): await asyncio.create_task(steps(pool))  # of the same id as those before\n"
        "        pool.submit(int).result()\n"
        "        asyncio.get_running_loop().call_soon(pool.submit, int)\n"
        "        await asyncio.sleep(0)\n"
        "asyncio.run(main())\n",
    )
    assert done.status == 0, done.err
    events = done.events()
    rows = [e for e in events if e.kind == Kind.STATE and e.op == State.FOR_TASK]
    tasks, makers = [e.a & 0xFFFFFFFF for e in rows], [e.a >> 32 for e in rows]
    assert len(rows) == 2 * 23 + 1  # but not what a callback submits
    assert tasks[0] == tasks[2] != tasks[1] == tasks[3] and len(set(tasks)) == 23
    main = tasks[4]
    assert makers == [0 if task == main else main for task in tasks]
    taken = [e.obj for e in events if e.kind == Kind.TAKE and e.a == SUBMITTED]
    assert {e.obj for e in rows} < set(taken)


def test_which_exceptions_a_gather_has_put_among_its_results_is_told(recorded: Run, tmp_path: Path) -> None:
    script = tmp_path / "gathers.py"
    script.write_text(
        "import asyncio\n"
        "def fails(n): raise OSError(n)\n"
        "async def one(n): await asyncio.to_thread(fails, n)\n"
        "async def main():\n"
        "    found = await asyncio.gather(one(1), one(2), asyncio.to_thread(int), return_exceptions=True)  # told\n"
        "    print(found)\n"
        "    try: await asyncio.gather(one(3), asyncio.to_thread(int))\n"
        "    except OSError as error: print(error)\n"
        "    again = asyncio.gather(asyncio.sleep(1000), return_exceptions=True)\n"
        "    again.cancel()\n"
        "    try: await again\n"
        "    except asyncio.CancelledError: print('cancelled', again.cancelled())\n"
        "    print(await asyncio.gather(return_exceptions=True))\n"
        "asyncio.run(main())\n"
    )
    done = recorded(str(script))
    assert done.out == "[OSError(1), OSError(2), 0]\n3\ncancelled False\n[]\n", done.err
    (trace,) = done.traces()
    events = list(trace.events())
    rows = [e for e in events if e.kind == Kind.STATE and e.op == State.GATHERED]
    failed = [e.obj for e in events if e.kind == Kind.STATE and e.op == State.FAILED]
    assert len(failed) == 3 and {e.obj for e in rows} == set(failed[:2])
    frame = trace.texts[int(trace.texts[rows[0].site].split()[1])].split("\t")
    assert frame[1] == str(script) and "# told" in script.read_text().splitlines()[int(frame[2]) - 1]
    assert not done.gaps()
