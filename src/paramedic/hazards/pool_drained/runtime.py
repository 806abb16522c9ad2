"""What was taken from a pool is not put back."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.forsaken import forsaken
from paramedic.analysis.loop_rests import locked_out
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.analysis.waits import orphans
from paramedic.hazards.pool_drained import HAZARD
from paramedic.model.finding import Confidence, Finding

_WHY_LOCK = "What raises between acquire() and release() leaves the lock taken, and Paramiko raises often and late"
_FIX_LOCK = "Take the lock by `with lock:`, or let it go in a finally clause: then an exception lets it go, too."
_FIX_TASK = "Take it by `async with`, or let it go in a finally clause: then an exception lets it go, too."

_FIX_TWO = "Take both under one lock, or give the first one back before the second is taken, or set a limit."


def find(facts: RunFacts) -> Iterator[Finding]:
    """Queues used as pools on which threads wait for what nobody returns, or that lose something at each failure, or of
    which each thread takes two.

    So is a lock whose holder has ended.

    Threads: pure.
    """
    story = Story(facts)
    for drained in facts.pools.drained.values():
        waiters = {call.thread for call in drained.waits}
        message = (
            f"{story.threads(waiters)} waited up to {story.duration(drained.longest_ns)} for "
            f"{facts.world.name(drained.queue)} to give back what was taken from it and not put back"
        )
        steps = [story.call(call, "took one and did not put it back") for call in drained.lost[:3]]
        steps += [story.call(call) for call in drained.waits[:2]]
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [drained.queue], len(drained.lost))
    for queue, lost in facts.pools.lost.items():
        if queue in facts.pools.drained:
            continue
        message = (
            f"{len(lost)} of what was taken from {facts.world.name(queue)} was not put back after a call had raised: "
            "as many failures as there are things in it, and every thread waits for one"
        )
        steps = [story.call(call, "took one and did not put it back") for call in lost[:3]]
        yield story.finding(HAZARD, Confidence.POSSIBLE, message, steps, [queue], len(lost))
    for greedy in facts.pools.greedy():
        threads = story.threads({taken.thread for taken in greedy.takers})
        message = (
            f"{threads} each took a second one from {facts.world.name(greedy.queue)}, which has {greedy.size}, while "
            "they had one: when each has one, nobody gets a second, and nobody gives the first one back"
        )
        pairs = ((taken.call, taken.second) for taken in greedy.takers[:2])
        steps = [
            story.call(call, words)
            for pair in pairs
            for call, words in zip(pair, ("took one", "took one more, with no limit"), strict=True)
            if call is not None
        ]
        yield story.finding(
            HAZARD, Confidence.POSSIBLE, message, steps, [greedy.queue], len(greedy.takers), fix=_FIX_TWO
        )
    for dry in facts.async_pools.drained(facts):
        name, count = facts.world.name(dry.queue), len(dry.waits)
        end = ", and work had ended with an exception" if dry.failed else ""
        message = (
            f"{count} task{'s' if count > 1 else ''} of the event loop waited for {name} to give back what was taken "
            f"from it: nothing else was under way{end}"
        )
        steps = [story.step(at.thread, at.stack, at.t_ns, "took one that was not put back") for at in dry.taken[:3]]
        steps += [story.step(f.thread, f.site, f.t_ns, f"ended with {f.error}: it began here") for f in dry.failed[:2]]
        steps += [story.step(at.thread, at.stack, at.t_ns, f"waited for {name}") for at in dry.waits[:2]]
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [dry.queue], count)
    for found in forsaken(facts):
        threads = story.threads({call.thread for call in found.waits})
        known = "those who took it have ended" if found.lost else "tasks like these ended with an exception"
        message = (
            f"{threads} wait{'s' if len(found.waits) == 1 else ''} for {facts.world.name(found.obj)}, and nobody is "
            f"left to give anything back: every other thread waits, too, and {known}"
        )
        steps = [story.call(call, "took one and did not give it back") for call in found.lost[:3]]
        steps += [
            story.step(f.thread, f.site, f.t_ns, f"ended with {f.error}: it began here") for f in found.failed[:2]
        ]
        steps += [story.call(call) for call in found.waits[:3]]
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [found.obj], len(found.waits))
    locked = locked_out(facts)
    if locked is not None and locked.failed:
        objects = [task.obj for task in locked.tasks]
        yield story.finding(
            HAZARD, Confidence.OBSERVED, story.locked_out(locked), story.stranded(locked), objects, len(objects),
            _WHY_LOCK, _FIX_TASK,
        )  # fmt: skip
    for hold, waits in orphans(facts):
        holder, lock = facts.world.thread(hold.thread), facts.world.name(hold.lock)
        name = facts.world.thread_name(hold.thread)
        who = name if holder.ended_ns else f"an earlier task of {name}"
        waiters = {wait.thread for wait in waits}
        message = (
            f"{story.threads(waiters)} wait{'s' if len(waiters) == 1 else ''} for {lock}, which {who} took and had "
            "not let go when it ended"
        )
        steps = [story.hold(hold)]
        if holder.ended_ns:
            how = f"ended with {holder.death}" if holder.death else "ended"
            steps.append(story.step(hold.thread, hold.stack, holder.ended_ns, f"{how}, and still had {lock}"))
        steps += [story.wait(wait, facts.end_ns - wait.began_ns) for wait in waits[:3]]
        yield story.finding(
            HAZARD, Confidence.OBSERVED, message, steps, [hold.lock], len(waits), why=_WHY_LOCK, fix=_FIX_LOCK
        )
