"""Source code -> findings: which files to read, in how many processes, and what is still true from last time."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from paramedic.check.notebook import allowed, in_cells
from paramedic.lint.modules import ModuleIndex
from paramedic.lint.shares import CAN_FORK, in_processes
from paramedic.lint.source import UnreadableSource
from paramedic.lint.tree import MOST_TOGETHER, Tree, Unseen, find_files, read_tree
from paramedic.model.finding import Confidence, Finding, Site
from paramedic.model.hazard import Lens
from paramedic.model.report import Gap, Report
from paramedic.report.escaping import printable

if TYPE_CHECKING:
    from paramedic.check.lint_cache import LintCache
    from paramedic.lint.facts import SourceFacts
    from paramedic.lint.sightings import Sightings

FEWEST_FOR_PROCESSES = 12
"""With fewer files that matter, starting a process costs more than it saves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LintOptions:
    """How to lint.

    Attributes:
        pedantic: also findings below ``possible``.
        select: names of the hazards to look for; empty: all.
        exclude: patterns of files and folders to pass over.
        jobs: processes; 0: as many as there are processors.
        cache: folder of the cache; None: none.
        sightings: also what the program does at all, right or wrong.
    """

    pedantic: bool = False
    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    jobs: int = 0
    cache: Path | None = None
    sightings: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileResult:
    """What reading one program gave.

    Attributes:
        paths: the files whose bodies and functions were read.
        findings: everything that the lenses said, advice included.
        read: the files that were read for it.
        gaps: what could not be read.
        seen: what the program does at all, with places: see `paramedic.lint.sightings`; None where nobody asked.
    """

    paths: tuple[Path, ...]
    findings: tuple[Finding, ...]
    read: tuple[Path, ...]
    gaps: tuple[Gap, ...] = ()
    seen: Mapping[str, Sequence[str]] | None = None


Progress = Callable[[int, int], None]
"""Told after each file: how many are done, of how many."""


def lint(paths: Sequence[Path], options: LintOptions, progress: Progress | None = None) -> Report:
    """As `lint_with_sightings`, for those who want the findings alone.

    Raises:
        FileNotFoundError: one of the paths is not there; nothing was read.

    Threads: main thread; reads files, may start processes and waits for them.
    """
    collecting = gc.isenabled()
    # What is read stays until the end: looking for garbage among it again and again costs a quarter of the time.
    gc.disable()
    try:
        return _lint(paths, options, progress)[0]
    finally:
        if collecting:
            gc.enable()


def lint_with_sightings(
    paths: Sequence[Path], options: LintOptions, progress: Progress | None = None
) -> tuple[Report, Sightings]:
    """Everything that the static lenses find in files and folders, and what the programs there do at all.

    Args:
        paths: files and folders.
        options: how.
        progress: told after each file that matters.

    Raises:
        FileNotFoundError: one of the paths is not there; nothing was read.

    Threads: main thread; reads files, may start processes and waits for them.
    """
    return _lint(paths, replace(options, sightings=True), progress)


def _lint(paths: Sequence[Path], options: LintOptions, progress: Progress | None) -> tuple[Report, Sightings]:
    for path in paths:
        if not path.exists() and not path.is_symlink():
            raise FileNotFoundError(str(path))
    unseen: list[Unseen] = []
    jobs = options.jobs or os.cpu_count() or 1
    files = find_files(paths, options.exclude, unseen)
    cache = _cache(options.cache, files) if options.cache is not None else None
    if cache is not None:
        tree = read_tree(files, unseen, recall=cache.flags_of, note=cache.note_flags, jobs=jobs)
    else:
        tree = read_tree(files, unseen, jobs=jobs)
    results = _results(tree, options, cache, progress)
    if cache is not None:
        cache.save()
    gaps = [Gap(reason=u.reason, detail=f"{u.path}{f':{u.line}' if u.line else ''}: {u.detail}") for u in tree.unseen]
    gaps.extend(dict.fromkeys(g for r in results for g in r.gaps))
    findings, hidden = _chosen(results, options)
    source = {
        "kind": "source",
        "paths": [str(p) for p in paths],
        "files": len(files),
        "files_that_matter": len(tree.matter),
    }
    seen: Sightings = {}
    for result in results:
        for kind, places in (result.seen or {}).items():
            seen[kind] = list(dict.fromkeys([*seen.get(kind, ()), *places]))
    report = Report(source=source, findings=tuple(findings), suppressed=tuple(hidden), gaps=tuple(gaps))
    return report, seen


def _cache(folder: Path, files: list[Path]) -> LintCache:
    from paramedic.check.lint_cache import LintCache

    return LintCache(folder, files)


def _results(tree: Tree, options: LintOptions, cache: LintCache | None, progress: Progress | None) -> list[FileResult]:
    done: dict[tuple[Path, ...], FileResult] = {}
    if cache is not None:
        for group in tree.groups:
            known = cache.result_of(group)
            if known is not None and (known.seen is not None or not options.sightings):
                done[group] = known
    waiting = [g for g in tree.groups if g not in done]
    total = len(tree.matter)
    for result in _read_all(tree, waiting, options):
        done[result.paths] = result
        if cache is not None:
            cache.note_result(result)
        if progress is not None:
            progress(sum(map(len, done)), total)
    return [done[g] for g in tree.groups if g in done]


def _read_all(tree: Tree, waiting: list[tuple[Path, ...]], options: LintOptions) -> Iterable[FileResult]:
    jobs = options.jobs or os.cpu_count() or 1
    matter = frozenset(tree.matter)
    if jobs == 1 or len(waiting) < 2 or sum(map(len, waiting)) < FEWEST_FOR_PROCESSES:
        for group in waiting:
            yield read_group(tree.index, matter, group, sightings=options.sightings)
        return
    if CAN_FORK:
        # Imported before the children inherit it.
        from paramedic.lint import program  # noqa: F401

        _static_lenses()
        read = functools.partial(_read_one, tree.index, matter, options.sightings)
        for _, result in in_processes(read, waiting, jobs, _weight):
            yield result
        return
    # Imported here: where there is no fork, other processes must be told everything.
    from concurrent.futures import ProcessPoolExecutor, as_completed

    batches = [waiting[n :: jobs * 4] for n in range(jobs * 4)]
    arguments = (tree.files, tree.matter, tree.imported, options.sightings)
    with ProcessPoolExecutor(jobs, initializer=_start_worker, initargs=arguments) as pool:
        for future in as_completed([pool.submit(_read_batch, batch) for batch in batches if batch]):
            yield from future.result()


def _read_one(index: ModuleIndex, matter: frozenset[Path], sightings: bool, group: tuple[Path, ...]) -> FileResult:
    return read_group(index, matter, group, sightings=sightings)


def _weight(group: tuple[Path, ...]) -> int:
    """About how long a group takes to read."""
    size = 0
    for path in group:
        with contextlib.suppress(OSError):
            size += os.stat(path).st_size
    return size


_worker: tuple[ModuleIndex, frozenset[Path], bool] | None = None


def _start_worker(files: list[Path], matter: list[Path], imported: frozenset[Path], sightings: bool) -> None:
    global _worker
    index = ModuleIndex(files)
    index.imported = imported
    _worker = (index, frozenset(matter), sightings)


def _read_batch(groups: list[tuple[Path, ...]]) -> list[FileResult]:
    assert _worker is not None
    index, matter, sightings = _worker
    return [read_group(index, matter, group, sightings=sightings) for group in groups]


def read_group(
    index: ModuleIndex, matter: frozenset[Path], group: tuple[Path, ...], *, sightings: bool = False
) -> FileResult:
    """Reads files that import one another and lets every static lens judge it.

    Threads: any, one at a time per index; reads files.
    """
    # Imported here: where nothing uses Paramiko, or nothing has changed, the reader is not needed at all.
    from paramedic.lint.program import read_program

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 8000))
    try:
        facts = read_program(index, matter, group)
        gaps = [_unreadable(path, index.unreadable[path]) for path in group if path in index.unreadable]
        if facts is None:
            return FileResult(paths=group, findings=(), read=group, gaps=tuple(gaps))
        findings: list[Finding] = []
        for static in _static_lenses():
            try:
                findings.extend(static.find(facts))
            except Exception as error:  # one lens must not hide what the others see
                detail = f"{static.HAZARD.name} in {group[0]}: {type(error).__name__}: {error}"
                gaps.append(Gap(reason="lens-failed", detail=printable(detail)))
    finally:
        sys.setrecursionlimit(limit)
    for path in sorted(facts.incomplete):
        gaps.append(Gap(reason="too-much-work", detail=f"{path}: read in part, it takes too many steps to follow"))
    result = FileResult(
        paths=group,
        findings=tuple(findings),
        read=tuple(dict.fromkeys([*group, *facts.world.modules])),
        gaps=tuple(gaps),
        seen=_sightings(facts) if sightings else None,
    )
    if len(group) < MOST_TOGETHER:  # else the next piece of the same group may want them too
        index.forget(facts.world.modules)
    facts.world.dissolve()
    return result


@functools.cache
def _static_lenses() -> tuple[ModuleType, ...]:
    from paramedic.hazards.catalogue import CATALOGUE, lens, lenses_of

    return tuple(lens(hazard, Lens.STATIC) for hazard in CATALOGUE if Lens.STATIC in lenses_of(hazard))


def _sightings(facts: SourceFacts) -> Sightings:
    from paramedic.lint.sightings import sightings

    return sightings(facts)


def _unreadable(path: Path, error: UnreadableSource) -> Gap:
    place = f"{path}:{error.line}" if error.line else str(path)
    return Gap(reason=error.reason, detail=f"{place}: {error}")


def _chosen(results: list[FileResult], options: LintOptions) -> tuple[list[Finding], list[tuple[Finding, str]]]:
    """The findings that were asked for, each place once, sorted by place."""
    best: dict[tuple[str, Site | None], Finding] = {}
    for result in results:
        for finding in result.findings:
            if options.select and finding.hazard not in options.select:
                continue
            if not options.pedantic and finding.confidence.rank > Confidence.POSSIBLE.rank:
                continue
            key = (finding.hazard, _place(finding))
            other = best.get(key)
            if other is None or (finding.confidence.rank, -len(finding.steps)) < (
                other.confidence.rank,
                -len(other.steps),
            ):
                best[key] = finding
    ordered = sorted(best.values(), key=lambda f: (f.site.file, f.site.line, f.code) if f.site else ("", 0, f.code))
    reasons = {id(f): allowed(f) for f in ordered}
    hidden = [(in_cells(f), reason) for f in ordered if (reason := reasons[id(f)]) is not None]
    return [in_cells(f) for f in ordered if reasons[id(f)] is None], hidden


def _place(finding: Finding) -> Site | None:
    site = finding.site
    return replace(site, function="") if site is not None else None
