"""Locks, or a lock and a transport's thread, are taken in opposite orders."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.hangs import HUNG_NS
from paramedic.analysis.locks import Edge
from paramedic.analysis.loop_rests import locked_out
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.analysis.waits import Deadlock, Link, own_waits
from paramedic.hazards.lock_order_inversion import HAZARD
from paramedic.lint.loop_locks import LoopLocks
from paramedic.model.finding import Confidence, Finding, Step

_WHY = (
    "Each thread holds what the next one waits for. A call that waits for the peer while a lock is held makes the "
    "window for it seconds wide"
)
"""… where no transport thread takes part."""
_WHY_JOINED = "A thread that waits for another one keeps what it holds meanwhile, and the other one needs just that"
_FIX_JOINED = "Let the lock go before you wait for the other thread: take what you need under it, then join, or ask."
_WHY_OWN = "Code that holds the lock calls code that takes it again"
_FIX_OWN = "Make it a threading.RLock(), or have the inner function called with the lock held and not take it."
_WHY_LOOP = "Who awaits a thread keeps its asyncio locks meanwhile; the thread waits for a coroutine that needs one"
_FIX_LOOP = (
    "Let the lock go before you await the thread; or have the thread return what the coroutine is to work on, and "
    "await that coroutine afterwards, outside the thread."
)

_WHY_TASKS = (
    "A task keeps its asyncio locks while it awaits: whoever has one and awaits another, or a task that needs the one "
    "that it has, waits for ever once the other does the same"
)
_FIX_TASKS = (
    "Take locks in one order everywhere, and let a lock go before you await a task (gather(), wait(), a TaskGroup) "
    "that takes it, too; async with asyncio.timeout(…) ends such a wait."
)


def find(facts: RunFacts) -> Iterator[Finding]:
    """Circles in the order of locks: those that closed, and those that another order of the same threads closes.

    Threads: pure.
    """
    story = Story(facts)
    told: set[frozenset[int]] = set()
    for circle in facts.deadlocks():
        steps: list[Step] = []
        nodes: set[int] = set()
        parts: list[str] = []
        for link in circle.links:
            name = facts.world.thread_name(link.thread)
            if link.wait is not None and link.hold is not None:
                steps += [
                    story.hold(link.hold),
                    story.wait(link.wait, (circle.ended_ns or facts.end_ns) - link.since_ns),
                ]
                nodes.add(link.wait.lock)
                lock, holder = facts.world.name(link.wait.lock), facts.world.thread_name(link.target)
                parts.append(f"{name} waits for {lock}, which {holder} holds")
            elif link.call is not None:
                joins = link.call.name == "Thread.join"
                steps.append(story.call(link.call, f"called join() for {_target(facts, link)}" if joins else ""))
                nodes.add(-facts.transport_of(link.call.obj))
                parts.append(f"{name} waits in {link.call.method}() for {_target(facts, link)}")
        if any(node > 0 for node in nodes):
            told.add(frozenset(nodes))
            steps.sort(key=lambda step: step.at_s or 0.0)
            objects = [node for node in nodes if node > 0]
            by_hand = 0 in nodes and not any(node < 0 for node in nodes)
            yield story.finding(
                HAZARD, Confidence.OBSERVED, f"{_kind(circle)}: {'; '.join(parts)}", steps, objects,
                why=_WHY_JOINED if by_hand else _WHY if len(objects) == len(nodes) else "",
                fix=_FIX_JOINED if by_hand else "",
            )  # fmt: skip
    yield from _own(facts, story)
    locked = locked_out(facts)
    if locked is not None and not locked.failed:
        objects = [task.obj for task in locked.tasks]
        yield story.finding(
            HAZARD, Confidence.OBSERVED, f"Deadlock: {story.locked_out(locked)}", story.stranded(locked), objects,
            len(objects), _WHY_TASKS, _FIX_TASKS,
        )  # fmt: skip
    places: dict[frozenset[tuple[int, int]], list[tuple[Edge, ...]]] = {}
    for edges in facts.lock_cycles():
        if frozenset(edge.first for edge in edges) not in told:
            places.setdefault(frozenset((e.first_stack, e.second_stack) for e in edges), []).append(edges)
    for group in places.values():
        edges = max(group, key=lambda edges: max(edge.second_ns for edge in edges))
        steps, parts = [], []
        for edge in edges:
            thread, first, second = edge.thread, _name(facts, edge.first), _name(facts, edge.second)
            if edge.first > 0:
                steps.append(story.step(thread, edge.first_stack, edge.first_ns, f"took {first}"))
            then = "then took" if edge.first > 0 else "took in a callback"
            asked = f"called {edge.call.method}(), which waits for {second}" if edge.call else f"{then} {second}"
            steps.append(
                story.step(thread, edge.second_stack, edge.second_ns, asked, [edge.first] if edge.first > 0 else ())
            )
            name = facts.world.thread_name(thread)
            name = f"another task of {name}" if any(part.startswith(f"{name} ") for part in parts) else name
            if edge.first < 0:
                parts.append(f"{name} takes {second} in a callback")
            elif edge.call:
                parts.append(f"{name} takes {first}, then waits in {edge.call.method}() for that thread")
            else:
                parts.append(f"{name} takes {first}, then {second}")
        objects = [edge.first for edge in edges if edge.first > 0]
        yield story.finding(
            HAZARD, Confidence.POSSIBLE, f"Opposite orders: {'; '.join(parts)}", steps, objects, len(group),
            why=_WHY if len(objects) == len(edges) else "",
        )  # fmt: skip
    yield from _across_a_loop(facts, story)


def _own(facts: RunFacts, story: Story) -> Iterator[Finding]:
    """Threads that wait for their own lock, deeper down in what they called with it."""
    for own in own_waits(facts):
        wait, hold = own.wait, own.hold
        outer, taken = facts.world.stack(wait.stack)[1:], facts.world.stack(hold.stack)
        within = any((site.file, site.function) == (s.file, s.function) for site in outer for s in taken[:1])
        if facts.interrupts(own) or not within:
            continue  # who takes a lock twice in one place waits for somebody to let it go
        message = (
            f"Deadlock: {facts.world.thread_name(wait.thread)} waits for {facts.world.name(wait.lock)}, which it holds "
            "itself: a plain Lock does not let its own thread in a second time"
        )
        steps = [story.hold(hold), story.wait(wait, (own.ended_ns or facts.end_ns) - wait.began_ns)]
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [wait.lock], why=_WHY_OWN, fix=_FIX_OWN)


def _across_a_loop(facts: RunFacts, story: Story) -> Iterator[Finding]:
    """Workers that wait for a coroutine, which needs a lock of the loop's that is held by whoever awaits the worker."""
    source, loops = LoopLocks(), list(facts.states.loops)
    for call in facts.open.all():
        given = facts.futures.task_of.get(call.thread, 0) if facts.futures.running(call.thread) else 0
        if call.name != "Future.result" or call.argument >= 0 or not given or len(loops) != 1:
            continue
        if facts.futures.is_executors(call.obj) or facts.end_ns - call.began_ns < HUNG_NS:
            continue
        try:
            lock = source.needed(facts.world.stack(given), facts.world.stack(call.stack))
        except Exception:  # what the source is like is not known: nothing is said, and what else was found is not lost
            continue
        if lock:
            worker, loop = (facts.world.thread_name(thread) for thread in (call.thread, *loops))
            message = (
                f'Deadlock: {worker} waits for a coroutine that needs the asyncio.Lock "{lock}", which a coroutine of '
                f"{loop} holds while it awaits {worker}"
            )
            begun_ns = facts.futures.turned_ns.get(call.thread, call.began_ns)
            words = f'awaits, with the asyncio.Lock "{lock}" held, what it has given to {worker}'
            held = story.step(loops[0], given, begun_ns, words)
            steps = [held, story.call(call)]
            yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [call.obj], why=_WHY_LOOP, fix=_FIX_LOOP)


def _target(facts: RunFacts, link: Link) -> str:
    """For whom a call waits; who would set an event is only inferred."""
    name = facts.world.thread_name(link.target)
    if link.call is not None and link.call.name in _WAKES:
        return f"{facts.world.name(link.call.obj)}, which {name} has to {_WAKES[link.call.name]}"
    return name


_WAKES = {
    "Event.wait": "set", "Queue.get": "fill", "SimpleQueue.get": "fill", "Queue.put": "empty", "Queue.join": "work off",
}  # fmt: skip


def _kind(circle: Deadlock) -> str:
    """A deadlock; of waits that have a limit it is said that they do."""
    limit = max(circle.limits_ms, default=-1)
    if limit < 0 or len(circle.limits_ms) < len(circle.links) and not circle.ended_ns:
        return "Deadlock"
    in_rounds = any(link.wait is not None and link.wait.rounds > 1 for link in circle.links)
    return (
        f"Deadlock, in rounds of {limit / 1000:g} s"
        if in_rounds
        else f"Deadlock until the timeout of {limit / 1000:g} s"
    )


def _name(facts: RunFacts, node: int) -> str:
    return facts.world.name(node) if node > 0 else f"the thread of {facts.world.name(-node)}"
