"""Which findings are new since a moment: those of an inner recording, or of one test.

A finding is told again as long as the facts are there; what counts is whether its story has happened once more.

Threads: pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from paramedic.model.finding import Finding

Plot = tuple[str, int | None, frozenset[tuple[str, int]] | str]
"""Hazard, process, and the lines or words of a story."""
Tally = dict[Plot, int]
"""How often each story was told."""


def plot(finding: Finding) -> Plot:
    """What makes two findings one story: the hazard and the lines, or the words where no line is known."""
    return (finding.hazard, finding.process, finding.places or finding.message)


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

    def told(finding: Finding) -> int:
        key = plot(finding)
        # once an object is gone, steps that it had told may be missing
        return counts[key] if key in counts else max((n for k, n in counts.items() if _is_part(key, k)), default=0)

    return [f for f in now if total[plot(f)] > told(f) or last_step_ns(f) >= since_ns]


def _is_part(story: Plot, other: Plot) -> bool:
    """Whether one of two stories is the other one with fewer places."""
    mine, known = story[2], other[2]
    if story[:2] != other[:2] or isinstance(mine, str) or isinstance(known, str):
        return False
    return mine <= known or known <= mine


def last_step_ns(finding: Finding) -> int:
    """When the latest step happened, since the recording began; -1 where no step has a time."""
    return round(max((step.at_s for step in finding.steps if step.at_s is not None), default=-1e-9) * 1e9)
