"""Which findings are new since a moment: those of an inner recording, or of one test.

A finding is told again as long as the facts are there; what counts is whether its story has happened once more.

Threads: pure.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from paramedic.model.finding import Finding

Tally = dict[Hashable, int]
"""How often each story was told."""


def plot(finding: Finding) -> Hashable:
    """What makes two findings one story: the hazard and the lines, or the words where no line is known."""
    places = frozenset((s.file, s.line) for s in finding.sites)
    return (finding.hazard, finding.process, places or finding.message)


def tally(findings: Iterable[Finding]) -> Tally:
    """How often each of these stories was told."""
    counts: Tally = {}
    for finding in findings:
        key = plot(finding)
        counts[key] = counts.get(key, 0) + finding.count
    return counts


def newer(before: Iterable[Finding], now: Sequence[Finding], since_ns: int) -> list[Finding]:
    """Those findings whose story was not told before, or is told more often, or has a step that is later.

    Args:
        before: what was found until then.
        now: what is found now.
        since_ns: the moment, since the recording began; all are new from the beginning on.
    """
    if since_ns <= 0:
        return list(now)
    counts = tally(before)
    total = tally(now)
    return [f for f in now if total[plot(f)] > counts.get(plot(f), 0) or last_step_ns(f) >= since_ns]


def last_step_ns(finding: Finding) -> int:
    """When the latest step happened, since the recording began; -1 where no step has a time."""
    return round(max((step.at_s for step in finding.steps if step.at_s is not None), default=-1e-9) * 1e9)
