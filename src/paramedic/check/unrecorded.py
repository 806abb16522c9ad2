"""Asks the source what may keep two calls of a recording apart although nothing in it does.

What was started, submitted, locked or handed over is in the recording. Flags that are polled, pipes, and locks of
other libraries are not: see `paramedic.lint.unrecorded`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from paramedic.analysis.calls import Call
from paramedic.analysis.conflicts import Conflict
from paramedic.analysis.facts import Unseen
from paramedic.analysis.operations import OF_STEPS
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.lint.bystanders import Bystanders
from paramedic.lint.own_steps import Keeps, OwnSteps
from paramedic.lint.passages import Places
from paramedic.lint.returning import puts_back
from paramedic.lint.sections import Sections
from paramedic.lint.unrecorded import Deed, Unrecorded, Verdict
from paramedic.model.finding import Site
from paramedic.model.report import Gap


def asking_the_source(facts: RunFacts, gaps: list[Gap]) -> Callable[[Call, Call], Unseen]:
    """What answers for the calls of a recording, an earlier one and a later one of another thread.

    Args:
        facts: of the recording, to be asked when they do not change any more.
        gaps: gets one if the source cannot be understood; the calls then have no excuse.

    Threads: one thread; what is returned reads the files that stacks name.
    """
    story, source = Story(facts), Unrecorded()
    known: dict[tuple[object, ...], Unseen] = {}

    def deed(call: Call) -> Deed:
        _, stack, _ = story.place(call.stack, call.thread, call.began_ns)
        return Deed(call.method, stack, facts.at_s(call.began_ns))

    def answer(earlier: Call, later: Call) -> Unseen:
        user, other = facts.world.thread(earlier.thread), facts.world.thread(later.thread)
        started_at = user.started_at if user.starter == later.thread else 0
        beside = user.starter == other.starter != 0 and user.begun_ns < other.begun_ns
        both = (user.started_at, other.started_at) if beside else (0, 0)
        of_one_worker = earlier.thread == later.thread
        if of_one_worker:
            at = facts.futures.submitted_at
            both = at(earlier.thread, earlier.began_ns), at(later.thread, later.began_ns)
        key = earlier.stack, earlier.name, later.stack, later.name, started_at, both
        if key not in known:
            stack = facts.world.stack
            beside_each_other = stack(both[0]), stack(both[1])
            try:
                if of_one_worker:
                    verdict = source.of_one_worker(deed(earlier), deed(later), beside_each_other)
                else:
                    verdict = source.between(deed(earlier), deed(later), stack(started_at), beside_each_other)
            except Exception as error:  # of what the source is like nothing is known: a finding must not be lost by it
                verdict = Verdict()
                if all(gap.reason != "source-not-understood" for gap in gaps):
                    detail = f"whether waits that are not recorded excuse something: {type(error).__name__}: {error}"
                    gaps.append(Gap(reason="source-not-understood", detail=detail))
            known[key] = Unseen(verdict.doubt, verdict.orders, verdict.refuted)
        return known[key]

    return answer


def asking_who_only_looks(facts: RunFacts) -> Callable[[int], bool]:
    """What says of a thread whether it can wake nobody any more, as its source tells.

    Args:
        facts: of the recording, to be asked when they do not change any more.

    Threads: one thread; what is returned reads the files of the program.
    """
    only_looks = _of_stacks(facts, Bystanders().only_looks)

    def answer(thread: int) -> bool:
        calls = facts.open.of(thread)
        return only_looks(calls[0].stack if calls else 0)

    return answer


def asking_who_only_ticks(facts: RunFacts) -> Callable[[int], bool]:
    """What says of a stack in which a task of an event loop sleeps whether it wakes nobody any more, and never ends.

    Args:
        facts: of the recording.

    Threads: one thread; what is returned reads the files of the program.
    """
    return _of_stacks(facts, Bystanders().only_ticks)


def _of_stacks(facts: RunFacts, asks: Callable[[Sequence[Site]], bool]) -> Callable[[int], bool]:
    """The same question of a stack's id, asked once of each; no where there is no stack, or no answer."""
    known: dict[int, bool] = {}

    def answer(stack: int) -> bool:
        if stack not in known:
            try:
                known[stack] = bool(stack) and asks(facts.world.stack(stack))
            except Exception:  # of what the source is like nothing is known: it may wake somebody
                known[stack] = False
        return known[stack]

    return answer


def asking_what_is_put_back(facts: RunFacts) -> Callable[[int], bool]:
    """What says of a stack in which something is taken from a queue whether it is put back there afterwards.

    Args:
        facts: of the recording.

    Threads: one thread; what is returned reads the files that stacks name.
    """
    places = Places()

    def answer(stack: int) -> bool:
        try:
            return puts_back(places.places(facts.world.stack(stack), "get"))
        except Exception:  # of what the source is like nothing is known: it may be kept
            return False

    return answer


def asking_what_sections_do(facts: RunFacts) -> Callable[[int], bool]:
    """What says of a stack in which a lock is taken whether no more is done under it than to note or print something.

    Args:
        facts: of the recording.

    Threads: one thread; what is returned reads the files that stacks name.
    """
    source = Sections()

    def answer(stack: int) -> bool:
        sites = facts.world.stack(stack)
        if not sites or facts.world.site(stack) != sites[0]:
            return False
        try:
            return source.only_notes(sites)
        except Exception:  # of what the source is like nothing is known: it may read there what decides everything
            return False

    return answer


def asking_own_steps(facts: RunFacts, locks: bool) -> Callable[[Conflict], bool | None]:
    """What says of two calls that met whether their object's class may have kept apart the steps that they consist of.

    It says None where that depends on the locks that they took in these.

    Args:
        facts: of the recording.
        locks: whether it has locks: then those that are taken in a step say themselves whom they keep apart.

    Threads: one thread; what is returned reads the files in which the program's classes are.
    """
    source = OwnSteps()
    known: dict[tuple[str, str, int, str], Keeps] = {}

    def answer(conflict: Conflict) -> bool | None:
        own = facts.own_steps.get(conflict.resource)
        if own is None:
            return None
        composed = [call.name in OF_STEPS[own[0]] for call in (conflict.first, conflict.second)]
        steps = [call.method == own[0] for call in (conflict.first, conflict.second)]  # one in another's call, too
        if not any(composed) or not all(map(max, composed, steps)):
            return None
        if own not in known:
            try:
                known[own] = source.keeps(*own)
            except Exception:  # of what the source is like nothing is known: it may keep them apart
                known[own] = Keeps.ELSEWHERE
        return None if known[own] is Keeps.BY_LOCK and locks else known[own] is not Keeps.NOBODY

    return answer
