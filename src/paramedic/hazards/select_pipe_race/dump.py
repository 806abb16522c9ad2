"""A reader waits for the byte in a channel's pipe that another reader took."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.facts import DumpFacts
from paramedic.dump.waits import Wait
from paramedic.hazards.select_pipe_race import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding for each thread in ``PosixPipe.clear`` that others stand behind, or that stays there.

    Threads: as `DumpFacts`.
    """
    behind = [a for a in facts.activities if a.wait is Wait.PARAMIKO_LOCK and "buffer" in a.lock and not facts.moved(a)]
    for activity in facts.others:
        if activity.wait is not Wait.PIPE_BYTE or facts.moved(activity):
            continue
        if not behind and not facts.repeated:
            continue  # it reads one byte; a dump may catch it there
        blocked = next((a for a in behind if a.transport is not None), None)
        also = f", on which the {blocked.as_transport} waits" if blocked is not None else ""
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.OBSERVED,
            message=(
                f"{activity.name} is blocked in PosixPipe.clear and holds the lock of a channel's buffer{also}: the "
                "channel has a fileno() and two readers"
            ),
            steps=(
                activity.step("waits for a byte in the pipe that another reader has taken"),
                *(a.step(f"waits for {a.lock}") for a in behind[:3]),
            ),
        )
