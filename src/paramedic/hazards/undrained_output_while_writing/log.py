"""In a log: nobody reads the output while input is written."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.undrained_output_while_writing import HAZARD
from paramedic.logs.facts import LogFacts
from paramedic.logs.silence import unended_commands, unread_output
from paramedic.model.finding import Finding


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    full = [w for w in facts.windows_full if w.writing and w.stdout >= w.stderr]
    quiet = [(t, c) for t, c in unended_commands(facts) if c.eof_sent is None]
    yield from unread_output(
        HAZARD,
        full,
        "Our side was still sending.",
        [] if facts.windows_full else quiet,
        "nobody reads the output while input is written",
    )
