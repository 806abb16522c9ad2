"""In a log: the exit status is waited for before the output is read"""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.exit_status_before_output import HAZARD
from paramedic.logs.facts import LogFacts
from paramedic.model.finding import Confidence, Finding


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    for full in facts.windows_full:
        if full.stdout >= full.stderr and not full.writing:
            yield Finding(
                hazard=HAZARD.name,
                code=HAZARD.code,
                confidence=Confidence.POSSIBLE,
                message=f"the receive window of channel {full.channel} is used up: {full.stdout} bytes of output and "
                f"{full.stderr} of errors came in, and nothing was given back",
                steps=(full.line.step("the last byte that fits"),),
                objects=(f"channel {full.channel} of {full.transport}",),
                why="The packet dump proves that the window is full and that no thread reads. That a "
                "thread waits for the exit status instead is suggested by it. " + HAZARD.why,
            )
    quiet = [
        (transport, channel)
        for transport in facts.transports
        if not transport.ending.how and not transport.server
        for channel in transport.unfinished
        if channel.requested is not None
        and channel.eof_received is None
        and not channel.sftp
        and channel.eof_sent is not None
    ]
    if quiet and not facts.windows_full:
        steps = [line.step("last heard of it") for _, c in quiet[:3] if (line := c.last) is not None]
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.ADVICE,
            message=f"{len(quiet)} command(s) had not ended when the log stops; if the program hangs, see whether "
            "the exit status is waited for before the output is read",
            steps=tuple(steps),
            objects=tuple(dict.fromkeys(t.name for t, _ in quiet[:5])),
            why="Paramiko does not log data or windows, so the log only shows that no end came. A thread dump, or "
            "Transport.set_hexdump(True), tells more. " + HAZARD.why,
            count=len(quiet),
        )
