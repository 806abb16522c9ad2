"""A blocking call on an event loop's thread."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.calls import Call
from paramedic.analysis.loop_waits import LONG_NS
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.analysis.waits import own_coroutines, own_locks
from paramedic.hazards.blocking_the_event_loop import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Remote calls that a running event loop's thread makes or waits for, and locks that stop it for ever.

    Threads: pure.
    """
    story = Story(facts)
    for wait, hold, coroutine in own_locks(facts):
        name, thread = facts.world.name(wait.lock), facts.world.thread_name(wait.thread)
        holder = "a coroutine of the same loop" if coroutine is None else facts.world.thread_name(coroutine.thread)
        why = "" if coroutine is None else ", which waits for a coroutine of this loop"
        message = (
            f"The event loop on {thread} waits for {name}, which {holder} holds{why}: nothing on the loop runs any "
            "more, and so nobody can let it go"
        )
        steps = [story.step(hold.thread, hold.stack, hold.began_ns, f"took {name}")]
        steps += [story.call(coroutine)] if coroutine is not None else []
        steps.append(story.step(wait.thread, wait.stack, wait.began_ns, f"waits for {name}, on the event loop"))
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [wait.lock])
    for calls in own_coroutines(facts):
        first, last, thread = calls[0], calls[-1], facts.world.thread_name(calls[0].thread)
        what = "for a coroutine of the same loop"
        if last is not first:
            what = f"for {facts.world.thread_name(last.thread)}, which waits in {last.method}() {what}"
        message = f"The event loop on {thread} waits in {first.method}() {what}: nothing on the loop runs any more"
        steps = [story.call(first, _WAITED), *(story.call(call) for call in calls[1:])]
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [last.obj], fix=_AWAIT_OWN)
    for found in facts.loop_waits.found():
        message = (
            f"{found.wait.method}() blocked the event loop on {facts.world.thread_name(found.wait.thread)} for "
            f"{story.duration(found.lasted_ns)}, while {facts.world.thread_name(found.call.thread)} was in "
            f"{found.call.method}(): no other coroutine ran meanwhile"
        )
        steps = [story.call(found.wait, _WAITED), story.call(found.call)]
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [found.call.obj], found.count, fix=_AWAIT)
    short: list[tuple[Call, int, int]] = []
    for call, lasted, count in facts.states.on_loop.values():
        if lasted < LONG_NS:
            short += [(call, lasted, count)] * (lasted >= SHORT_NS)
            continue
        message = (
            f"{call.method}() blocked the event loop on {facts.world.thread_name(call.thread)} for "
            f"{story.duration(lasted)}: "
            "no other coroutine ran meanwhile"
        )
        yield story.finding(HAZARD, Confidence.OBSERVED, message, [story.call(call)], [call.obj], count)
    if short:
        short.sort(key=lambda blocked: -blocked[1])
        count, (call, lasted, _) = sum(n for *_, n in short), short[0]
        message = (
            f"{count} call{'s' if count > 1 else ''} of Paramiko's waited on the event loop's thread, up to "
            f"{story.duration(lasted)} in {call.method}(): a slow peer would stop every coroutine"
        )
        yield story.finding(
            HAZARD, Confidence.ADVICE, message, [story.call(c) for c, *_ in short[:3]], [call.obj], count
        )


_WAITED = "waited on the event loop, without an await"
_AWAIT = (
    "Await it: asyncio.wrap_future(future) makes an executor's future one that can be awaited, loop.run_in_executor() "
    "starts the work so, and asyncio.to_thread() does the waiting for a thread, an event or a queue."
)
_AWAIT_OWN = (
    "Await the coroutine itself where the loop runs: run_coroutine_threadsafe(…).result() is for other threads alone; "
    "and wait for these with an await, as by asyncio.to_thread(thread.join)."
)
SHORT_NS = 1_000_000
"""Less than this is no wait for a peer."""
