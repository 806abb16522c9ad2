"""The use case of ``paramedic dump``: thread dumps -> facts -> findings -> report."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from paramedic.dump.calls import Layer
from paramedic.dump.facts import DumpFacts
from paramedic.dump.overview import overview
from paramedic.dump.program import folders_of
from paramedic.dump.source import Sources
from paramedic.dump.story import names, verb
from paramedic.dump.waits import Wait
from paramedic.hazards.catalogue import CATALOGUE, folder_of, lenses_of
from paramedic.model.finding import Confidence, Finding
from paramedic.model.hazard import Lens
from paramedic.model.report import Gap, Report
from paramedic.model.snapshot import Snapshot

MAX_FINDINGS = 1000
MAX_GAPS = 200
MAX_OVERVIEWS = 17
"""Of so many processes, the last ones, it is said what their threads do: one with its children."""

MAX_PROGRAMS = 16
"""Of so many programs, by the folders in which their source may be, what was read is kept."""

_WAITS_ANYWAY = "wait-without-timeout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What the lenses say of one dump.

    Attributes:
        findings: strongest first.
        gaps: what the dump lacks, and what of ours failed.
    """

    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]


def diagnose(facts: DumpFacts) -> Diagnosis:
    """Asks every ``dump`` lens of the catalogue.

    A lens that fails becomes a gap, so that the others are heard.

    Threads: as `DumpFacts`.
    """
    findings: list[Finding] = []
    gaps = list(facts.snapshot.gaps)
    for hazard in CATALOGUE:
        if Lens.DUMP not in lenses_of(hazard):
            continue
        module = importlib.import_module(f"paramedic.hazards.{folder_of(hazard)}.{Lens.DUMP}")
        try:
            findings += module.find(facts)
        except Exception as error:  # an error of ours must not cost the other findings
            gaps.append(Gap(reason="lens-failed", detail=f"{hazard.name}: {type(error).__name__}: {error}"))
    return Diagnosis(findings=without_the_obvious(findings), gaps=(*gaps, *_unread_source(facts)))


def _unread_source(facts: DumpFacts) -> list[Gap]:
    """Threads that stand at a line of which only the source could say whether it takes a lock."""
    lost = [
        a
        for a in facts.others
        if a.wait in (Wait.OWN_CODE, Wait.LOCK) and a.calls[0].layer is Layer.USER
        if a.site is not None and facts.sources.module(a.site.file) is None
    ]
    if not lost:
        return []
    site = lost[0].site
    detail = (
        f"the source of {site}, where {names(lost)} {verb(lost, 'stands', 'stand')}: which locks are waited for is "
        "read from it; --source DIR says where it is"
    )
    return [Gap(reason="source-not-found", detail=detail)]


def without_the_obvious(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Strongest first; that a wait has no timeout is not said of threads whose wait is explained better.

    Threads: pure.
    """
    explained = {s.thread for f in findings if f.hazard != _WAITS_ANYWAY for s in f.steps}
    strong = [f for f in findings if f.confidence is not Confidence.ADVICE and f.hazard != _WAITS_ANYWAY]
    proven = {s.thread for f in strong for s in f.steps}
    kept = []
    for finding in findings:
        known = explained if finding.confidence is Confidence.ADVICE else proven
        proof = finding.confidence is Confidence.OBSERVED
        if finding.hazard != _WAITS_ANYWAY or proof or not all(s.thread in known for s in finding.steps):
            kept.append(finding)
    return tuple(sorted(kept, key=lambda f: f.confidence.rank))


def check_dumps(
    snapshots: Iterable[Snapshot],
    *,
    roots: Sequence[Path] = (),
    prefix: Path | None = None,
    whole: bool = False,
    kind: str = "dump",
) -> Report:
    """Judges dumps one after the other and reports each story once.

    A dump that follows another of the same process is compared with it, so that "waits" and "moves" are told apart.

    Args:
        snapshots: in the order in which they were taken; only two of them are kept in memory.
        roots: folders in which to look for the source that the dumps name.
        prefix: where the root folder of the dumped process is seen from here.
        whole: the dumps are known to have all threads.
        kind: goes into the report's source.

    Threads: for one thread; blocks as ``snapshots`` does, and reads source files.
    """
    sources: dict[tuple[Path, ...], Sources] = {}
    before: dict[tuple[str, int | None], Snapshot] = {}
    stories: dict[tuple[object, ...], Finding] = {}
    gaps: list[Gap] = []
    dumps = threads = transports = 0
    forms: set[str] = set()
    processes: set[int] = set()
    paramiko = False
    doing: dict[int | None, list[dict[str, Any]]] = {}
    for snapshot in snapshots:
        dumps += 1
        whose = snapshot.stream, snapshot.process  # two containers may have one number
        earlier = before.get(whose)
        if earlier is not None and not _same_process(earlier, snapshot):
            earlier = None
        folders = folders_of(snapshot.command, snapshot.process)
        if folders not in sources:
            if len(sources) >= MAX_PROGRAMS:
                sources.pop(next(iter(sources)))
            sources[folders] = Sources((*roots, *folders), prefix=prefix)
        facts = DumpFacts(snapshot, before=earlier, sources=sources[folders], whole=whole)
        diagnosis = diagnose(facts)
        if earlier is not None and whole:
            # A live process, dumped twice: the second look replaces the first.
            stories = {k: f for k, f in stories.items() if f.process != snapshot.process}
        for finding in diagnosis.findings:
            _tell(stories, finding if finding.process else replace(finding, process=snapshot.process))
        gaps += [g for g in diagnosis.gaps if g not in gaps][: max(0, MAX_GAPS - len(gaps))]
        before[whose] = snapshot
        if len(before) > 64:
            before.pop(next(iter(before)))
        threads, transports = max(threads, len(facts.activities)), max(transports, len(facts.transports))
        paramiko = paramiko or any(c.layer.value == "paramiko" for a in facts.activities for c in a.calls)
        forms.add(snapshot.form)
        doing[snapshot.process] = overview(facts)
        if len(doing) > MAX_OVERVIEWS:
            doing.pop(next(iter(doing)))
        if snapshot.process is not None:
            processes.add(snapshot.process)
    findings = tuple(sorted(stories.values(), key=lambda f: f.confidence.rank))
    source = {
        "kind": kind,
        "forms": sorted(forms),
        "dumps": dumps,
        "threads": threads,
        "transports": transports,
        "processes": sorted(processes),
        "paramiko": paramiko,
        "overview": [{"process": process, **entry} for process, entries in doing.items() for entry in entries],
    }
    return Report(source=source, findings=findings, gaps=tuple(gaps))


def _tell(stories: dict[tuple[object, ...], Finding], finding: Finding) -> None:
    """Keeps one finding for each story: the surer telling, of two equally sure ones with the greater count.

    A dump that does not name its process (faulthandler's) tells the same story as one that does (`paramedic.watch`
    writes both).
    """
    about: tuple[object, ...] = (finding.hazard, finding.sites or finding.message)
    keys: list[tuple[object, ...]] = [(*about, p) for p in (finding.process, None) if (*about, p) in stories]
    if finding.process is None and not keys:
        keys = [k for k in stories if k[:2] == about]
    if not keys:
        if len(stories) < MAX_FINDINGS:
            stories[*about, finding.process] = finding
        return
    known = stories[keys[0]]
    best = finding if finding.confidence.rank <= known.confidence.rank else known
    equal = finding.confidence is known.confidence
    count = max(known.count, finding.count) if equal else best.count
    process = finding.process or known.process
    if keys[0] != (*about, process):
        del stories[keys[0]]
    stories[*about, process] = replace(best, count=count, process=process)


def _same_process(one: Snapshot, other: Snapshot) -> bool:
    mine = {t.ident for t in one.threads if t.ident}
    theirs = {t.ident for t in other.threads if t.ident}
    return bool(mine) and 2 * len(mine & theirs) >= min(len(mine), len(theirs))
