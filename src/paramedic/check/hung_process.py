"""A running process, looked at twice: its dumps, its children's and its recording -> one report."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from paramedic.check.dump import check_dumps, without_the_obvious
from paramedic.check.joining import Recorded, joined, recorded, with_ages
from paramedic.dump import kernel
from paramedic.dump.live import DumpError, Tools, take
from paramedic.model.report import Gap, Report
from paramedic.model.snapshot import Snapshot

MAX_CHILDREN = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a process is to be looked at.

    Attributes:
        interval_s: seconds between its two dumps; 0: one dump.
        send: a signal that it has registered for dumps; None: with a tool.
        children: its Python children too.
        folders: where to look for source that the process does not find itself.
    """

    interval_s: float = 2.0
    send: signal.Signals | None = None
    children: bool = True
    folders: tuple[Path, ...] = ()


def check_process(process: int, look: Look, have: Tools) -> Report:
    """Dumps a process twice and says what hangs in it.

    A child that cannot be read, and a process that ends between the two dumps, become gaps.

    Args:
        process: its id.
        look: how to look.
        have: the tools to look with.

    Raises:
        DumpError: the process is not there, is no Python, may not be looked into, or no tool is installed.

    Threads: any; blocks for the interval and for as long as the tools take.
    """
    gaps: list[Gap] = []
    first = take(process, have, send=look.send)
    processes = [process, *(_children(process, gaps) if look.children else ())]
    looks = {process: [first]}
    for number in range(2 if look.interval_s else 1):
        if number:
            time.sleep(look.interval_s)
        for one in processes:
            if one == process and not number:
                continue
            try:
                snapshot = take(one, have, send=look.send)
                if number and not any(t.frames for t in snapshot.threads):
                    raise DumpError(f"process {one} was ending when it was looked at again")
                looks.setdefault(one, []).append(snapshot)
            except DumpError as error:
                gaps.append(_not_read(one, error, again=bool(number)))
    known = {one: found for one in looks if (found := recorded(one)) is not None}
    for one, found in known.items():
        looks[one] = [with_ages(s, found.ages_s) for s in looks[one]]
    if stopped := kernel.stopped(process):
        gaps.append(Gap(reason="process-stopped", detail=f"process {process} is {stopped}"))
    roots = [*look.folders, *_working_folder(process), Path.cwd()]
    prefix = Path(f"/proc/{process}/root")
    snapshots = chain.from_iterable(looks.values())
    report = check_dumps(snapshots, roots=roots, prefix=prefix, whole=_is_whole(looks), kind="process")
    return _with_recordings(replace(report, gaps=(*report.gaps, *gaps)), known)


def _not_read(process: int, error: DumpError, *, again: bool) -> Gap:
    """Why a dump is missing: of a child, or the second one of a process."""
    if not again:
        return Gap(reason="child-not-read", detail=str(error))
    why = str(error) if kernel.is_there(process) else f"process {process} ended before the second dump"
    return Gap(reason="process-ended", detail=f"{why}; one dump alone does not tell what waits from what moves")


def _is_whole(looks: dict[int, list[Snapshot]]) -> bool:
    """A tool shows every thread of a process; what a process writes on a signal may end anywhere."""
    return all(s.form in ("py-spy-json", "pystack") for dumps in looks.values() for s in dumps)


def _with_recordings(report: Report, known: dict[int, Recorded]) -> Report:
    if not known:
        return report
    findings = report.findings
    gaps: Sequence[Gap] = report.gaps
    for found in known.values():
        findings = joined(findings, found.findings)
        gaps = (*gaps, *found.gaps)
    source = {**report.source, "recordings": [str(found.path) for found in known.values()]}
    return replace(report, source=source, findings=without_the_obvious(findings), gaps=tuple(gaps))


def _children(process: int, gaps: list[Gap]) -> list[int]:
    found = kernel.descendants(process)
    if len(found) > MAX_CHILDREN:
        detail = f"the process has {len(found)} Python children; {MAX_CHILDREN} are looked at"
        gaps.append(Gap(reason="children-left-out", detail=detail, count=len(found) - MAX_CHILDREN))
    return list(found[:MAX_CHILDREN])


def _working_folder(process: int) -> list[Path]:
    try:
        return [Path(f"/proc/{process}/cwd").resolve(strict=True)]
    except OSError:
        return []
