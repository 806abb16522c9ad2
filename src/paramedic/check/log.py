"""Logs -> facts -> findings: the use case behind ``paramedic log``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from paramedic.hazards.catalogue import CATALOGUE, lens, lenses_of
from paramedic.hazards.forked_connection import log as forked_connection
from paramedic.logs.facts import Line, LogFacts
from paramedic.logs.forms import Form
from paramedic.logs.halves import read_in_halves, seam_of
from paramedic.logs.reading import LogReader, Tally, few_collections
from paramedic.logs.sources import Source, sources_of
from paramedic.model.finding import Confidence, Finding
from paramedic.model.hazard import Lens
from paramedic.model.report import Gap, Report

LogLens = tuple[str, Callable[[LogFacts], Iterable[Finding]]]
"""The name of a hazard, and ``find`` of its lens."""
MAX_RUNS = 1000
"""Most processes or runs of one log whose facts are kept for the overview; findings are kept of all."""


class NothingOfParamiko(Exception):
    """The input holds no line of Paramiko's; the message is a sentence that says what it holds instead."""


@dataclass(slots=True)
class LogReport:
    """What one look at some logs gave.

    Attributes:
        report: findings and gaps.
        runs: the facts of each process, in the order in which its part ended.
        tallies: what each source is made of.
    """

    report: Report
    runs: list[LogFacts] = field(default_factory=list)
    tallies: list[tuple[Source, Tally]] = field(default_factory=list)


def log_lenses() -> tuple[LogLens, ...]:
    """``find`` of every hazard that can be seen in a log.

    Threads: any; imports the lenses the first time.
    """
    found = [h for h in CATALOGUE if Lens.LOG in lenses_of(h)]
    return tuple((h.name, cast("Any", lens(h, Lens.LOG)).find) for h in found)


def findings_of(facts: LogFacts, lenses: Sequence[LogLens], gaps: list[Gap]) -> list[Finding]:
    """What the lenses conclude from one process's part of a log.

    Where several processes write with the same thread numbers, all of it is a guess: nothing is above advice then.

    Args:
        facts: of the part.
        lenses: of `log_lenses`.
        gaps: gets a gap for a lens that fails, so that the others are heard.

    Threads: pure.
    """
    found: list[Finding] = []
    for name, find in lenses:
        try:
            found += find(facts)
        except Exception as error:  # one lens must not hide what the others see
            gaps.append(Gap(reason="lens-failed", detail=f"{name}: {type(error).__name__}: {error}"))
    if facts.mixed:
        found = [
            replace(f, confidence=Confidence.ADVICE, why="Several processes share this log: a guess. " + f.why)
            for f in found
        ]
    return [replace(f, process=facts.process) for f in _since(facts.first, found)]


def _since(first: Line | None, found: Iterable[Finding]) -> Iterator[Finding]:
    """Findings whose steps count their seconds from a line on."""
    began = first.at_s if first is not None else None
    for f in found:
        steps = (s if s.at_s is None else replace(s, at_s=round(s.at_s - (began or 0.0), 3)) for s in f.steps)
        yield replace(f, steps=tuple(steps))


def report_of_logs(
    names: Sequence[str], *, form: Form | None = None, rotated: bool = False, workers: int = 1
) -> LogReport:
    """Reads logs and says what they show.

    Args:
        names: paths; "-" for standard input.
        form: the form of their lines; None to find out.
        rotated: take rotated predecessors too.
        workers: 2 lets a second process read the second half of a long log.

    Raises:
        UnreadableLog: a file cannot be read.
        NothingOfParamiko: none of them holds a line of Paramiko's.

    Threads: any; blocks while it reads.
    """
    lenses = log_lenses()
    findings: list[Finding] = []
    gaps: list[Gap] = []
    result = LogReport(report=Report(source={"kind": "log"}, findings=()))
    for source in sources_of(names, rotated=rotated):
        runs, tally = _runs(source, form, workers)
        with few_collections():
            for facts in runs:
                findings += findings_of(facts, lenses, gaps)
                gaps += facts.gaps
                if len(result.runs) < MAX_RUNS:
                    result.runs.append(facts)
        gaps += tally.gaps(source)
        result.tallies.append((source, tally))
    first = next((run.first for run in result.runs), None)
    findings += _since(first, forked_connection.of_several(result.runs))
    if not any(tally.messages for _, tally in result.tallies):
        raise NothingOfParamiko(_nothing(result.tallies))
    for source, tally in result.tallies:
        if not tally.messages:
            gaps.append(Gap(reason="nothing-of-paramiko", detail=_nothing([(source, tally)])))
    result.report = Report(source=_source(result), findings=tuple(findings), gaps=tuple(_summed(gaps)))
    return result


def _runs(source: Source, form: Form | None, workers: int) -> tuple[Iterable[LogFacts], Tally]:
    if workers > 1 and form is None and (seam := seam_of(source)) is not None:
        halves = read_in_halves(source, seam)
        if halves is not None:
            return halves
    reader = LogReader(source, form)
    return reader.facts(), reader.tally


def follow(name: str, *, form: Form | None = None) -> Iterator[Finding | Gap]:
    """Findings above advice while a log grows, and lenses that failed, each once; never ends by itself.

    Raises:
        UnreadableLog: the file cannot be read.

    Threads: any; blocks while there is nothing new.
    """
    lenses = log_lenses()
    told: set[tuple[str, object]] = set()
    failed: set[Gap] = set()
    (source,) = sources_of([name])
    for facts in LogReader(source, form).facts(follow=True):
        gaps: list[Gap] = []
        found = findings_of(facts, lenses, gaps)
        for gap in gaps:
            if gap not in failed:
                failed.add(gap)
                yield gap
        for finding in found:
            first = finding.steps[0].what if finding.steps else finding.message
            key = (finding.hazard, first)
            if finding.confidence is not Confidence.ADVICE and key not in told:
                told.add(key)
                yield finding


def _source(result: LogReport) -> dict[str, Any]:
    tallies = [tally for _, tally in result.tallies]
    others: dict[str, int] = {}
    for tally in tallies:
        for name, count in tally.others.most_common(20):
            others[name] = others.get(name, 0) + count
    return {
        "kind": "log",
        "files": [str(f) for source, _ in result.tallies for f in source.files] or ["-"],
        "lines": sum(t.lines for t in tallies),
        "bytes": sum(t.size for t in tallies),
        "messages": sum(t.messages for t in tallies),
        "continuation_lines": sum(t.continued for t in tallies),
        "unread_lines": sum(t.unread for t in tallies),
        "other_loggers": others,
        "forms": list(dict.fromkeys(f for t in tallies for f in t.forms)),
        "processes": sorted({f.process for f in result.runs if f.process is not None}),
        "runs": len(result.runs),
        "transports": sum(f.transports_seen for f in result.runs),
        "threads": sum(f.threads_seen for f in result.runs),
    }


def _nothing(tallies: Sequence[tuple[Source, Tally]]) -> str:
    names = ", ".join(source.name for source, _ in tallies)
    lines = sum(t.lines for _, t in tallies)
    if not lines:
        return f"{names} is empty"
    loggers = [name for _, t in tallies for name, _ in t.others.most_common(3)]
    said = f" (other loggers write there: {', '.join(loggers)})" if loggers else ""
    return (
        f"none of the {lines} lines of {names} is a debug line of Paramiko's{said}; "
        "paramedic.log_to_file(path) or paramiko.util.log_to_file(path) writes such a log"
    )


def _summed(gaps: Iterable[Gap]) -> list[Gap]:
    summed: dict[tuple[str, str], Gap] = {}
    for gap in gaps:
        key = (gap.reason, gap.detail)
        before = summed.get(key)
        summed[key] = gap if before is None else replace(before, count=before.count + gap.count)
    return list(summed.values())
