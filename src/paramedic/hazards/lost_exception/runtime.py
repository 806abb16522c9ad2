"""A task's exception that nobody asks for."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.forsaken import bereaved
from paramedic.analysis.futures import LostError
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.lost_exception import HAZARD
from paramedic.lint.ignored_gathers import IgnoredGathers
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Futures that ended with an exception and were never asked; threads that wait for those who have ended so.

    Threads: pure.
    """
    story = Story(facts)
    yield from _waited_for(facts, story)
    if not (facts.states.orderly_end or facts.stopped):
        return
    lost = [*facts.futures.lost(), *_thrown_away(facts)]
    if not lost:
        return
    kinds = sorted({entry.error.partition(":")[0].rpartition(".")[2] for entry in lost})
    told = "1 task" if len(lost) == 1 else f"{len(lost)} tasks"
    message = f"{told} ended with {', '.join(kinds)} and nobody asked for the result"
    steps = []
    for entry in lost[:3]:
        if entry.call is not None:
            steps.append(story.call(entry.call))
        ended = f"ended with {entry.error}, which nobody has asked for; the task was submitted here"
        step = story.step(entry.thread, entry.site, entry.t_ns, ended)
        if step.site is not None:
            steps.append(step)
    # whoever got the exception of one of them knows that something went wrong
    known = all(facts.futures.is_told(entry.site) for entry in lost)
    # … and who has stopped a recording may still ask
    confidence = (
        Confidence.ADVICE if known else Confidence.OBSERVED if facts.states.orderly_end else Confidence.POSSIBLE
    )
    yield story.finding(HAZARD, confidence, message, steps, [], len(lost))


def _thrown_away(facts: RunFacts) -> Iterator[LostError]:
    """Exceptions that a ``gather(…, return_exceptions=True)`` has put among results at which nobody looks."""
    source = IgnoredGathers()
    for entry, stack in facts.futures.gathered.values():
        world, call = facts.world, entry.call
        stacks = [world.stack(entry.site), *([world.stack(call.stack)] if call is not None else [])]
        if source.is_ignored(world.stack(stack)) and not source.may_be_told(stacks):
            yield entry


def _waited_for(facts: RunFacts, story: Story) -> Iterator[Finding]:
    for found in bereaved(facts):
        wait, failed = found.wait, found.failed
        kinds = sorted({f.error.partition(":")[0].rpartition(".")[2] for f in failed})
        message = (
            f"{facts.world.thread_name(wait.thread)} waits in {wait.method}() of {facts.world.name(wait.obj)} for "
            f"{story.threads({f.thread for f in failed})}, where {', '.join(kinds)} ended the work: every other thread "
            "waits, too, and nobody is left to end that"
        )
        steps = [story.step(f.thread, f.site, f.t_ns, f"ended with {f.error}: it began here") for f in failed[:3]]
        yield story.finding(
            HAZARD, Confidence.OBSERVED, message, [*steps, story.call(wait)], [wait.obj], why=_WHY_WAIT, fix=_FIX_WAIT
        )


_WHY_WAIT = (
    "A worker that an exception ends never comes to task_done(), to the barrier or to set(); Paramiko raises often and "
    "late"
)
_FIX_WAIT = (
    "Call task_done(), set() or notify() in a finally clause, catch in the worker what its work may raise, and abort() "
    "a barrier then."
)
