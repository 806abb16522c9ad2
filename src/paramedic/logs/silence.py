"""Commands whose end a log does not hold: where it can stop when output is left unread.

Threads: pure.
"""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.logs.facts import ChannelFacts, LogFacts, TransportFacts, WindowFull
from paramedic.model.finding import Confidence, Finding
from paramedic.model.hazard import Hazard


def unended_commands(facts: LogFacts) -> list[tuple[TransportFacts, ChannelFacts]]:
    """Started commands that had not ended when the log stops, on connections that had not ended either.

    Threads: pure.
    """
    return [
        (transport, channel)
        for transport in facts.transports
        if not transport.ending.how and not transport.server
        for channel in transport.unfinished
        if channel.requested is not None and channel.eof_received is None and not channel.sftp
    ]


def unread_output(
    hazard: Hazard,
    full: Iterable[WindowFull],
    proof: str,
    quiet: list[tuple[TransportFacts, ChannelFacts]],
    question: str,
) -> Iterable[Finding]:
    """Findings about output that nobody reads: from full windows, otherwise from silence.

    Args:
        hazard: whose findings they are.
        full: the windows that it explains.
        proof: what a full window suggests beyond being full.
        quiet: commands without an end, where no packet dump tells more.
        question: what to look at if the program hangs.

    Threads: pure.
    """
    for window in full:
        yield Finding(
            hazard=hazard.name,
            code=hazard.code,
            confidence=Confidence.POSSIBLE,
            message=f"the receive window of channel {window.channel} is used up: {window.stdout} bytes of output and "
            f"{window.stderr} of errors came in, and nothing was given back",
            steps=(window.line.step("the last byte that fits"),),
            objects=(f"channel {window.channel} of {window.transport}",),
            why=f"The packet dump proves that the window is full and that no thread reads. {proof} {hazard.why}",
        )
    if quiet:
        yield Finding(
            hazard=hazard.name,
            code=hazard.code,
            confidence=Confidence.ADVICE,
            message=f"{len(quiet)} command{'s' * (len(quiet) > 1)} had not ended when the log stops; if the program "
            f"hangs, see whether {question}",
            steps=tuple(line.step("last heard of it") for _, c in quiet[:3] if (line := c.last) is not None),
            objects=tuple(dict.fromkeys(t.name for t, _ in quiet[:5])),
            why="Paramiko does not log data or windows, so the log only shows that no end came. A thread dump, or "
            "Transport.set_hexdump(True), tells more. " + hazard.why,
            count=len(quiet),
        )
