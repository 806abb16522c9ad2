"""Telling the same story once, and the strongest stories first."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import replace

from paramedic.model.finding import Finding


def merged(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Equal stories become one, with their counts added; the strongest of them is told. Strongest first.

    Two findings tell the same story when they are of one hazard and their steps happened at the same lines, whatever
    the names of the threads and objects, in whatever order, in whatever process. Where no line is known the messages
    decide.

    Threads: pure.
    """
    groups: dict[Hashable, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(_plot(finding), []).append(finding)
    told = []
    for group in groups.values():
        # min() keeps the first of equals: the earliest in the run.
        chosen = min(group, key=lambda f: f.confidence.rank)
        told.append(chosen if len(group) == 1 else replace(chosen, count=sum(f.count for f in group)))
    return tuple(sorted(told, key=_weight))


def _plot(finding: Finding) -> Hashable:
    return (finding.hazard, finding.places or finding.message)


def _weight(finding: Finding) -> tuple[int, str, str, int]:
    site = finding.site
    return (finding.confidence.rank, finding.code, site.file if site else "", site.line if site else 0)
