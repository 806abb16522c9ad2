"""In a log: the exit status is waited for before the output is read."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.exit_status_before_output import HAZARD
from paramedic.logs.facts import LogFacts
from paramedic.logs.silence import unended_commands, unread_output
from paramedic.model.finding import Finding


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    full = [w for w in facts.windows_full if w.stdout >= w.stderr and not w.writing]
    quiet = unended_commands(facts)
    yield from unread_output(
        HAZARD,
        full,
        "That a thread waits for the exit status instead is suggested by it.",
        [] if facts.windows_full else quiet,
        "the exit status is waited for before the output is read",
    )
