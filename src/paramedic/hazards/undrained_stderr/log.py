"""In a log: nobody reads stderr while stdout is waited for."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.undrained_stderr import HAZARD
from paramedic.logs.facts import LogFacts
from paramedic.logs.silence import unended_commands, unread_output
from paramedic.model.finding import Finding


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    full = [w for w in facts.windows_full if w.stderr > w.stdout]
    quiet = unended_commands(facts)
    yield from unread_output(
        HAZARD,
        full,
        "Most of it is stderr, which nobody reads.",
        [] if facts.windows_full else quiet,
        "nobody reads stderr while stdout is waited for",
    )
