"""The main thread has ended; a thread that waits for the peer keeps the process."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.calls import Layer
from paramedic.dump.facts import DumpFacts
from paramedic.dump.story import names, step, verb
from paramedic.dump.waits import REMOTE, Wait
from paramedic.hazards.exit_blocked import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding where the interpreter waits at its end for threads that wait for the peer.

    Threads: as `DumpFacts`.
    """
    yield from _at_exit(facts)
    main = next((a for a in facts.others if a.wait is Wait.SHUTDOWN), None)
    if main is None or facts.moved(main):
        return
    readers = [a for a in facts.others if a.wait in REMOTE and a.site and not facts.moved(a)]
    for group in facts.groups(readers):
        # Threads that are still at work when main ends are common and end by themselves, unless they follow something.
        sure = Confidence.POSSIBLE if facts.follows(group[0]) else Confidence.ADVICE
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=sure,
            message=(
                f"The main thread has ended and waits for {names(group)}, which {verb(group, 'waits', 'wait')} for "
                f"{group[0].wait}: the process ends only when that does"
            ),
            steps=(main.step("has run to its end and joins the threads that are no daemons"), step(group)),
            count=len(group),
        )


def _at_exit(facts: DumpFacts) -> Iterable[Finding]:
    """A function that the program registered with ``atexit`` waits for the peer."""
    for activity in facts.others:
        first = activity.calls[-1] if activity.calls else None
        if first is None or first.layer is not Layer.USER or activity.wait not in REMOTE or facts.moved(activity):
            continue
        module = facts.sources.module(first.site.file)
        if module is not None and module.handles_exit(first.function):
            yield Finding(
                hazard=HAZARD.name,
                code=HAZARD.code,
                confidence=Confidence.POSSIBLE if facts.repeated else Confidence.ADVICE,
                message=(
                    f"The program has ended; {first.function}, which it registered with atexit, waits for "
                    f"{activity.wait}: the process ends only when that does"
                ),
                steps=(activity.step(),),
            )
