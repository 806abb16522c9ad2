"""From recordings to a report: read each process's file, let the machines run over it, ask every runtime lens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from paramedic.analysis.run import RunFacts
from paramedic.hazards import catalogue
from paramedic.model.finding import Finding
from paramedic.model.hazard import Lens
from paramedic.model.report import Gap, Report
from paramedic.trace.ending import read_ending
from paramedic.trace.reader import RecordingError, TraceFile, find_traces, open_trace


def report_of(folder: Path) -> Report:
    """The report of one run's recording.

    Args:
        folder: what ``paramedic run`` recorded into. An empty one gives a report that says so.

    Threads: blocks while it reads; one thread.
    """
    try:
        return findings_of([folder])
    except RecordingError as error:
        return Report(source={"kind": "recording", "path": str(folder)}, findings=(), gaps=(_nothing(folder, error),))


def findings_of(paths: Sequence[Path]) -> Report:
    """The report of saved recordings, folders or single files.

    Raises:
        RecordingError: none of them can be read at all.

    Threads: blocks while it reads; one thread.
    """
    findings: list[Finding] = []
    gaps: list[Gap] = []
    processes: list[dict[str, Any]] = []
    refused: list[RecordingError] = []
    for path in paths:
        ended = read_ending(path)
        try:
            files = find_traces(path)
        except RecordingError as error:
            refused.append(error)
            continue
        for file in files:
            try:
                trace = open_trace(file)
            except RecordingError as error:
                refused.append(error)
                continue
            try:
                facts = facts_of(trace, ended)
            finally:
                trace.close()
            findings += judged(facts, gaps)
            gaps += trace.gaps + facts.gaps
            processes.append(_process(trace, facts))
    if refused and not processes:
        raise refused[0]
    gaps += [Gap(reason="unreadable", detail=str(error)) for error in refused]
    source = {
        "kind": "recording",
        "path": str(paths[0]) if len(paths) == 1 else [str(path) for path in paths],
        "processes": processes,
        "events": sum(p["events"] for p in processes),
    }
    return Report(source=source, findings=tuple(findings), gaps=tuple(dict.fromkeys(gaps)))


def facts_of(trace: TraceFile, ended: tuple[int, int] = (0, 0), live: bool = False) -> RunFacts:
    """What one process's file says.

    Args:
        trace: the file.
        ended: when the run had ended, on the recording's clock, and its status; (0, 0) if unknown.
        live: whether the program still runs, and ``ended`` says what time it is.

    Threads: one thread.
    """
    facts = RunFacts(trace.texts, trace.header["operations"], int(trace.header.get("process") or 0))
    facts.status = ended[1]
    facts.live = live
    facts.forked = bool(trace.header.get("forked"))
    facts.feed_all(trace.events(), ended[0])
    return facts


def judged(facts: RunFacts, gaps: list[Gap]) -> list[Finding]:
    """What the runtime lenses say of the facts; a lens that fails becomes a gap.

    Threads: one thread.
    """
    findings: list[Finding] = []
    for hazard in catalogue.CATALOGUE:
        if Lens.RUNTIME not in catalogue.lenses_of(hazard):
            continue
        try:
            found: Iterable[Finding] = catalogue.lens(hazard, Lens.RUNTIME).find(facts)
            findings += found
        except Exception as error:  # one lens must not hide what the others see
            gaps.append(Gap(reason="lens-failed", detail=f"{hazard.name}: {type(error).__name__}: {error}"))
    return findings


def _process(trace: TraceFile, facts: RunFacts) -> dict[str, Any]:
    header = trace.header
    return {
        "process": header.get("process"),
        "parent": header.get("parent"),
        "program": header.get("program", ""),
        "python": header.get("python", ""),
        "paramiko": facts.paramiko,
        "level": header.get("level", ""),
        "events": facts.events,
        "seconds": round((facts.end_ns - facts.first_ns) / 1e9, 3) if facts.events else 0.0,
    }


def _nothing(folder: Path, error: RecordingError) -> Gap:
    return Gap(
        reason="nothing-recorded",
        detail=f"nothing was recorded ({error}): the program was started with -S, -I or -E, or ended before it began",
    )
