"""From recordings to a report: read each process's file, let the machines run over it, ask every runtime lens."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, takewhile
from pathlib import Path
from typing import Any

from paramedic.analysis.run import RunFacts
from paramedic.check import chapters, families
from paramedic.check.families import Family
from paramedic.check.told import kept, with_told
from paramedic.check.unrecorded import (
    asking_own_steps,
    asking_the_source,
    asking_what_is_put_back,
    asking_what_sections_do,
    asking_who_only_looks,
    asking_who_only_ticks,
)
from paramedic.hazards import catalogue
from paramedic.hazards.connect_storm import runtime as connect_storm
from paramedic.model.cpu import CpuSlice
from paramedic.model.event import Row
from paramedic.model.finding import Confidence, Finding
from paramedic.model.hazard import Family as HazardFamily
from paramedic.model.hazard import Lens
from paramedic.model.report import Gap, Report
from paramedic.trace.cpu import read_slices
from paramedic.trace.ending import read_ending, read_gone, read_seen
from paramedic.trace.part import Part, read_part
from paramedic.trace.reader import RecordingError, TraceFile, find_traces, open_trace

_KILLED = 128 + 9


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


def only_locked(folder: Path, known: Iterable[Finding]) -> list[Finding]:
    """What would be possible if whoever came through a lock of the program's first had done so by luck.

    A recording does not tell that from a lock that is there to order two calls, so these are no findings. Where another
    run, with delays, sees them at the same time, they are.

    Args:
        folder: of a run's recording.
        known: what was found in it.

    Threads: blocks while it reads; one thread.
    """
    try:
        found = findings_of([folder], locks_order=False).findings
    except RecordingError:
        return []
    told = {(f.hazard, site) for f in known for site in f.sites}
    return [
        f for f in found
        if f.confidence is Confidence.POSSIBLE and f.sites and not all((f.hazard, site) in told for site in f.sites)
    ]  # fmt: skip


def findings_of(paths: Sequence[Path], locks_order: bool = True) -> Report:
    """The report of saved recordings, folders or single files.

    Args:
        paths: of the recordings.
        locks_order: whether what one thread did before it let go of a lock comes before what the next one that takes it
            does then.

    Raises:
        RecordingError: none of them can be read at all.

    Threads: blocks while it reads; one thread.
    """
    findings: list[Finding] = []
    gaps: list[Gap] = []
    processes: list[dict[str, Any]] = []
    refused: list[RecordingError] = []
    connects: list[list[connect_storm.Connects]] = []
    known: set[tuple[Path, int, int]] = set()
    for path in paths:
        part = read_part(path)
        slices = read_slices(part.folder)
        ended = (part.to_ns, 0) if part.to_ns else read_ending(part.folder)
        gone = {} if part.to_ns else read_gone(part.folder)
        seen = 0 if ended[0] else read_seen(part.folder)
        try:
            files = find_traces(part.folder)
        except RecordingError as error:
            refused.append(error)
            continue
        family = Family()
        for file in family.add(files):
            told = file.resolve(), part.from_ns, part.to_ns
            if told in known:  # it was named twice, or with the folder that it is in
                continue
            known.add(told)
            try:
                trace = open_trace(file)
            except RecordingError as error:
                refused.append(error)
                continue
            try:
                own = ended
                if seen and not families.still_runs(trace.header):
                    own = seen, _KILLED  # it was killed, and so was who waited for it
                # a child that ended before the run did not wait until the run's end
                own_ns = min(own[0], gone.get(int(trace.header.get("process") or 0), own[0]))
                facts, before = _facts_of_part(trace, part, (own_ns, own[1]), family, slices, locks_order)
            finally:
                trace.close()
            findings += chapters.newer(before, judged(facts, gaps), part.from_ns - facts.base_ns)
            family.remember(facts)
            connects.append(connect_storm.of_process(facts, part.from_ns))
            gaps += trace.gaps + facts.gaps
            processes.append(_process(trace, facts))
        if not part.to_ns:
            findings = with_told(findings, kept(part.folder))
    if refused and not processes:
        raise refused[0]
    for storm, parts in connect_storm.of_several(connects):  # of which each process has seen a part
        findings = [*(f for f in findings if f not in parts), storm]
    gaps += [Gap(reason="unreadable", detail=str(error)) for error in refused]
    source = {
        "kind": "recording",
        "path": str(paths[0]) if len(paths) == 1 else [str(path) for path in paths],
        "processes": processes,
        "events": sum(p["events"] for p in processes),
    }
    return Report(source=source, findings=tuple(findings), gaps=tuple(dict.fromkeys(gaps)))


def _facts_of_part(
    trace: TraceFile,
    part: Part,
    ended: tuple[int, int],
    family: Family,
    slices: Sequence[CpuSlice],
    locks_order: bool,
) -> tuple[RunFacts, list[Finding]]:
    """What one process's file says up to the part's end, and what had been found before the part began."""
    facts = new_facts(trace)
    if not locks_order:
        facts.clocks.take_locks_for_accidents()
    facts.status = ended[1]
    facts.live = facts.stopped = bool(part.to_ns)  # the program went on when the recording was stopped
    if not ended[0] and families.still_runs(trace.header):
        ended, facts.live = (time.monotonic_ns(), 0), True
    facts.busy.look_at(s for s in slices if s.process == facts.process)
    family.introduce(trace.path, facts)
    events: Iterable[Row] = trace.rows()
    if part.to_ns:
        events = takewhile(lambda e: e[0] <= part.to_ns, events)
    before: list[Finding] = []
    if part.from_ns:
        earlier, events = _parted(iter(events), part.from_ns)
        facts.feed_some(earlier)
        family.date(facts)
        before = judged(facts, [])
        facts.conflicts.begin_chapter()
    facts.feed_all(events, ended[0])
    family.date(facts)
    return facts, before


def _parted(events: Iterator[Row], at_ns: int) -> tuple[list[Row], Iterator[Row]]:
    """The events before a moment, and the others."""
    earlier: list[Row] = []
    for event in events:
        if event[0] >= at_ns:
            return earlier, chain((event,), events)
        earlier.append(event)
    return earlier, iter(())


def new_facts(trace: TraceFile) -> RunFacts:
    """Facts for one process's file, before its first event.

    Threads: one thread.
    """
    facts = RunFacts(trace.texts, trace.header["operations"], int(trace.header.get("process") or 0))
    facts.forked = bool(trace.header.get("forked"))
    facts.polls.only_notes = asking_what_sections_do(facts)
    facts.pools.puts_back = asking_what_is_put_back(facts)
    facts.loop_rests.only_ticks = asking_who_only_ticks(facts)
    with_locks = trace.header.get("level") != "watch"
    facts.conflicts.kept_inside = asking_own_steps(facts, with_locks)
    if not with_locks:
        facts.clocks.take_order_for_granted()
    return facts


def facts_of(trace: TraceFile, ended: tuple[int, int] = (0, 0), live: bool = False) -> RunFacts:
    """What one process's file says.

    Args:
        trace: the file.
        ended: when the run had ended, on the recording's clock, and its status; (0, 0) if unknown.
        live: whether the program still runs, and ``ended`` says what time it is.

    Threads: one thread.
    """
    facts = new_facts(trace)
    facts.status = ended[1]
    facts.live = live
    facts.feed_all(trace.rows(), ended[0])
    return facts


def import_lenses() -> None:
    """Import what `judged` needs; each copy of a process would do it anew.

    Threads: any.
    """
    for hazard in catalogue.CATALOGUE:
        if Lens.RUNTIME in catalogue.lenses_of(hazard):
            catalogue.lens(hazard, Lens.RUNTIME)


def judged(facts: RunFacts, gaps: list[Gap]) -> list[Finding]:
    """What the runtime lenses say of the facts; a lens that fails becomes a gap.

    Threads: one thread.
    """
    findings: list[Finding] = []
    facts.unseen = asking_the_source(facts, gaps)
    facts.only_looks = asking_who_only_looks(facts)
    if facts.greenlets:
        detail = "greenlets share threads: who did what at the same time, and who waits for whom, cannot be told"
        gaps.append(Gap(reason="greenlets", detail=detail))
    for hazard in catalogue.CATALOGUE:
        if Lens.RUNTIME not in catalogue.lenses_of(hazard):
            continue
        if facts.greenlets and hazard.family in (HazardFamily.SHARING, HazardFamily.WAITING, HazardFamily.LIFETIME):
            continue
        try:
            found: Iterable[Finding] = catalogue.lens(hazard, Lens.RUNTIME).find(facts)
            findings += _folded(list(found))
        except Exception as error:  # one lens must not hide what the others see
            gaps.append(Gap(reason="lens-failed", detail=f"{hazard.name}: {type(error).__name__}: {error}"))
    return findings


def _folded(found: list[Finding]) -> list[Finding]:
    """One hazard's findings without those that say of the very same lines, less surely, what another one says."""
    proved = [set(f.sites) for f in found if f.confidence is Confidence.OBSERVED]
    return [
        f for f in found
        if f.confidence is Confidence.OBSERVED or not f.sites or not any(set(f.sites) <= sites for sites in proved)
    ]  # fmt: skip


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
        detail=f"nothing was recorded ({error}): the program was started with -S, -I or -E, or ended before the "
        "recording began, or there was no room on the disk",
    )
