"""A wait that nothing limits, for a peer that says nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from paramedic.analysis.forsaken import Unset, left_waiting, too_late, unset
from paramedic.analysis.hangs import hung
from paramedic.analysis.locks import is_endless
from paramedic.analysis.loop_rests import Stranded, events_awaited, stranded
from paramedic.analysis.pools import LONG_NS
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.wait_without_timeout import HAZARD
from paramedic.lint.passages import Places
from paramedic.lint.unset_events import UnsetEvents
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Calls that waited in vain until the program was ended, and reads that might have.

    Threads: pure.
    """
    story = Story(facts)
    for found in hung(facts):
        if not found.needed or found.root.transport in facts.states.keepalive:
            continue
        thread, call = facts.world.thread_name(found.call.thread), found.call
        limit = (
            f"its timeout of {call.argument / 1000:g} s does not cover this wait"
            if call.argument > 0
            else "no timeout is set"
        )
        message = (
            f"{thread} waited {story.duration(found.lasted_ns)} in {call.method}(), and nothing came from the peer for "
            f"{story.duration(found.silent_ns)}: {limit}"
        )
        confidence = Confidence.OBSERVED if facts.ended_itself else Confidence.ADVICE
        yield story.finding(HAZARD, confidence, message, [story.call(call)], [call.obj])
    yield from _not_notified(facts, story)
    yield from _left_waiting(facts, story)
    yield from _not_set(facts, story)
    yield from _full(facts, story)
    yield from _stranded(facts, story)
    guarded = facts.states.keepalive.keys() | facts.states.watched | facts.states.safe
    unlimited = [h for h in facts.practice.unlimited.values() if h.transport not in guarded]
    habits = sorted(unlimited, key=lambda h: -h.count)
    if habits:
        threads = set().union(*(h.threads for h in habits))
        count = sum(h.count for h in habits)
        message = (
            f"{story.threads(threads)} waited for the peer {count} time{'s' if count > 1 else ''} with no timeout set: "
            "one that goes silent would keep them for ever"
        )
        steps = [story.call(h.call) for h in habits[:3]]
        fix = _SFTP if all("SFTP" in h.call.name for h in habits) else ""
        yield story.finding(HAZARD, Confidence.ADVICE, message, steps, [habits[0].call.obj], count, fix=fix)


def _not_notified(facts: RunFacts, story: Story) -> Iterator[Finding]:
    """Threads that wait for a condition of which everybody else has taken leave before."""
    for late in too_late(facts):
        wait, name = late.wait, facts.world.name(late.wait.obj)
        others = story.threads({hold.thread for hold in late.before})
        message = (
            f"{facts.world.thread_name(wait.thread)} waits in {wait.method}() of {name}, and nobody is left to notify "
            f"it: {others} had its lock before the wait began and {'has' if len(late.before) == 1 else 'have'} ended"
        )
        steps = [*(story.hold(hold) for hold in late.before[:3]), story.call(wait)]
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [wait.obj], 1, _WHY_LATE, _FIX_LATE, _STILL)


def _left_waiting(facts: RunFacts, story: Story) -> Iterator[Finding]:
    """Threads that wait for a condition of which all others have ended."""
    told = {late.wait.obj for late in too_late(facts)}
    for left in left_waiting(facts):
        wait, name = left.waits[0], facts.world.name(left.waits[0].obj)
        if wait.obj in told:
            continue
        waiters, others = {call.thread for call in left.waits}, story.threads(left.others)
        message = (
            f"{story.threads(waiters)} wait{'s' if len(waiters) == 1 else ''} in {wait.method}() of {name}, and nobody "
            f"is left to notify {'it' if len(waiters) == 1 else 'them'}: {others} "
            f"{'has' if len(left.others) == 1 else 'have'} had its lock and ended, and every other thread waits, too"
        )
        places = {facts.world.thread(number).started_at: number for number in left.others}
        gone = [facts.world.thread(number) for number in list(places.values())[:3]]
        steps = [story.call(call) for call in left.waits[:3]]
        steps += [story.step(t.number, t.started_at, t.ended_ns or facts.end_ns, _ENDED) for t in gone]
        fix = _FIX_UNSET.format("give back what it has taken, and notify(),")
        yield story.finding(
            HAZARD, Confidence.OBSERVED, message, steps, [wait.obj], len(waiters), _WHY_UNSET, fix, _STILL
        )


def _not_set(facts: RunFacts, story: Story) -> Iterator[Finding]:
    """Threads that wait for the word of others, all of whom have ended without it."""
    places = Places()
    for left in unset(facts):
        wait, name, deed = left.wait, facts.world.name(left.wait.obj), _WAKES[left.wait.name]
        if not left.known and not _is_given(facts, left, places):
            continue  # a service that is stopped from outside waits so
        message = (
            f"{facts.world.thread_name(wait.thread)} waits in {wait.method}() of {name}, and nobody is left to "
            f"{deed}: {story.threads(left.others)} {'has' if len(left.others) == 1 else 'have'} ended, and every "
            "other thread waits, too"
        )
        gone = [facts.world.thread(number) for number in left.others[:3]]
        steps = [story.step(t.number, t.started_at, t.ended_ns or facts.end_ns, _ENDED) for t in gone]
        steps.append(story.call(wait))
        fix = _FIX_UNSET.format(deed)
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [wait.obj], 1, _WHY_UNSET, fix, _STILL)


def _full(facts: RunFacts, story: Story) -> Iterator[Finding]:
    """Circles of those who fill a queue that is full and those who are to empty it, without a lock among them."""
    for circle in facts.deadlocks():
        waits = [(link.call, link.target) for link in circle.links if link.call is not None]
        names = {call.name for call, _ in waits}
        if len(waits) < len(circle.links) or "Queue.put" not in names or not names <= _FOR_OTHERS.keys():
            continue
        lasting = facts.end_ns - max(call.began_ns for call, _ in waits) >= LONG_NS
        if not lasting or not all(is_endless(call.argument) for call, _ in waits):
            continue
        parts = (
            f"{facts.world.thread_name(call.thread)} waits in "
            + _FOR_OTHERS[call.name].format(obj=facts.world.name(call.obj), other=facts.world.thread_name(target))
            for call, target in waits
        )
        steps = [
            story.call(call, f"called join() for {facts.world.thread_name(target)}" * (call.name == "Thread.join"))
            for call, target in waits
        ]
        steps.sort(key=lambda step: step.at_s or 0.0)
        queues = [call.obj for call, _ in waits if call.name == "Queue.put"]
        message = f"Deadlock: {'; '.join(parts)}"
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, queues, 1, _WHY_FULL, _FIX_FULL, _STILL)


def _stranded(facts: RunFacts, story: Story) -> Iterator[Finding]:
    """Tasks of an event loop that wait for what neither a task nor a thread is left to bring."""
    found = stranded(facts) or _never_set(facts)
    if found is None:
        return
    waits = " and ".join(dict.fromkeys(story.awaited(task) for task in found.tasks))
    message = f"{story.tasks(found)} {waits}, and nobody is left to end that: {story.still(found)}"
    objects = [task.obj for task in found.tasks if task.obj]
    steps = story.stranded(found)
    yield story.finding(
        HAZARD, Confidence.OBSERVED, message, steps, objects, len(found.tasks), _WHY_TASKS, _FIX_TASKS, _STILL_TASKS
    )


def _never_set(facts: RunFacts) -> Stranded | None:
    """Tasks that wait for an event that what has failed was to set, as the source tells."""
    found, source, stack = events_awaited(facts), UnsetEvents(), facts.world.stack
    if found is None:
        return None
    pairs = [
        (task, failed)
        for task in found.tasks
        for failed in found.failed
        if source.was_to_be_set_by(stack(task.stack), stack(failed.site))
    ]
    if not pairs:
        return None
    tasks = [task for task in found.tasks if any(task is one for one, _ in pairs)]
    return Stranded(tasks, found.behind, [failed for failed in found.failed if any(failed is f for _, f in pairs)])


def _is_given(facts: RunFacts, left: Unset, places: Places) -> bool:
    """Whether the source of those who wait, and of who has begun the others, gives such a word at all."""
    stacks = (left.wait.stack, *(facts.world.thread(number).started_at for number in left.others))
    files = [places.file(path) for path in {site.file for stack in stacks for site in facts.world.stack(stack)}]
    for use in [
        use for file in files if file is not None for word in ("set", "put") for use in file.uses.get(word, ())
    ]:
        if isinstance(use, ast.Attribute) and (use.attr == "put") == (left.wait.name != "Event.wait"):
            return True
    return False


_WAKES = {"Event.wait": "set it", "Queue.get": "put anything into it", "SimpleQueue.get": "put anything into it"}
_FOR_OTHERS = {
    "Thread.join": "join() for {other}",
    "Queue.put": "put() of {obj}, which is full and which {other} is to empty",
    "Queue.join": "join() of {obj} for the work of {other}",
    "Queue.get": "get() of {obj} for {other}",
    "SimpleQueue.get": "get() of {obj} for {other}",
    "Event.wait": "wait() of {obj} for {other}",
}
_STILL = (
    "The program stands still and says nothing; its threads sit in threading.py and queue.py, and Ctrl-C shows where "
    "the main thread does, alone"
)
_WHY_TASKS = "a coroutine that ends by an exception leaves undone what others await: task_done(), put(), set()"
_FIX_TASKS = (
    "Do what others await in a `finally`, or run the tasks in an asyncio.TaskGroup, which cancels the others when one "
    "fails; and limit the wait: async with asyncio.timeout(…)."
)
_STILL_TASKS = "The program stands still and says nothing; its main thread sits in selectors.py"
_WHY_FULL = "a queue with a maxsize makes those who fill it wait until somebody takes from it, at a program's end, too"
_FIX_FULL = (
    "Go on taking from the queue until those who fill it are done (each puts a last word in), and join them after "
    "that; or have them put with a timeout and look whether they are to stop."
)
_ENDED = "has ended without that: it began here"
_WHY_UNSET = "a thread that ends on another way, as by an early return, leaves those who wait for its word waiting"
_FIX_UNSET = "Have the thread {} in a `finally`, so that it happens on every way out, and wait with a timeout."
_WHY_LATE = "notify() wakes those who wait at that moment; a condition does not remember it for who comes later"
_FIX_LATE = (
    "Set a flag under the lock before notify(), and wait by condition.wait_for(lambda: flag, timeout=…): who comes "
    "late sees the flag. A threading.Event does both."
)
_SFTP = (
    "Give the channel of each SFTP client a limit, sftp.get_channel().settimeout(60), and let a timer close the client "
    "at an outer deadline: the limit is for each answer, not for a whole file."
)
