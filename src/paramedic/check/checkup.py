"""The checkup: the checklist over source, a recording and a log together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from paramedic.check.checklist import Answer, answers, next_action
from paramedic.check.configuration import Configuration
from paramedic.check.lint import LintOptions, Progress, lint_with_sightings
from paramedic.check.suppression import suppress
from paramedic.lint.tree import find_files
from paramedic.model.finding import Finding
from paramedic.model.report import Gap, Report
from paramedic.report.excerpt import shown_path

MOST_UNSEEN = 20
"""So many things that could not be looked at are named one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """What came of it.

    Attributes:
        answers: one for each item, in the order of the checklist.
        next: what to do first; None where nothing is left to do.
        sources: what was looked at, a sentence each.
        report: all findings together, for the formats that want them.
        warnings: sentences about the user's own settings and suppressions; they are among ``sources``, too.
        nothing: why there was nothing to check, and what to do instead; there are no answers then.
    """

    answers: tuple[Answer, ...]
    next: Answer | None
    sources: tuple[str, ...]
    report: Report
    warnings: tuple[str, ...] = ()
    nothing: str = ""


def check_up(
    paths: Sequence[Path],
    options: LintOptions,
    configuration: Configuration,
    *,
    recordings: Sequence[Path] = (),
    logs: Sequence[str] = (),
    progress: Progress | None = None,
) -> Checkup:
    """Goes through the checklist.

    Args:
        paths: source to read.
        options: how to read it.
        configuration: whose suppressions count.
        recordings: recordings of runs.
        logs: Paramiko's debug logs.
        progress: told after each file.

    Raises:
        FileNotFoundError: a path is not there.
        RecordingError: no recording can be read.
        UnreadableLog: a log cannot be read.

    Threads: main thread; reads files, may start processes.
    """
    static, seen = lint_with_sightings(paths, options, progress)
    reports = {"source": static}
    count: int = static.source["files"]
    sources = [
        f"source: {count} file{'s' if count != 1 else ''}, {static.source['files_that_matter']} with Paramiko "
        f"({', '.join(str(p) for p in paths)})"
    ]
    runs = []
    # Imported here: most checkups read source alone.
    if recordings:
        from paramedic.check.recording import findings_of

        reports["recording"] = findings_of(list(recordings))
        sources.append(f"recording: {', '.join(str(r) for r in recordings)}")
        events = reports["recording"].source.get("events")
        runs.append(f"the recording ({events:,} events)" if isinstance(events, int) else "the recording")
    if logs:
        from paramedic.check.log import NothingOfParamiko, report_of_logs

        try:
            found_there = report_of_logs(list(logs))
        except NothingOfParamiko as nothing:
            sources.append(f"log: {nothing}")  # it says nothing for an item and nothing against it
        else:
            reports["log"] = found_there.report
            sources.append(f"log: {', '.join(logs)}")
            runs.append("the log")
            speaking = [source.name for source, tally in found_there.tallies if tally.messages]
            seen.setdefault("debug-logging", []).extend(speaking)
    kept: dict[str, Sequence[Finding]] = {}
    hidden: list[tuple[Finding, str]] = []
    gaps: list[Gap] = []
    warnings: dict[str, None] = {}
    for name, report in reports.items():
        result = suppress(report, configuration)
        kept[name] = result.report.findings
        hidden.extend(result.report.suppressed)
        gaps.extend(result.report.gaps)
        warnings.update(dict.fromkeys(result.warnings))
    unseen = [gap.detail or gap.reason for gap in gaps]
    sources += [f"not looked at: {detail}" for detail in unseen[:MOST_UNSEEN]]
    if len(unseen) > MOST_UNSEEN:
        sources.append(f"not looked at: {len(unseen) - MOST_UNSEEN} more (see --format json)")
    sources += [f"note: {warning}" for warning in warnings]
    speaks = bool(static.source["files_that_matter"])
    idle = "" if speaks or len(reports) > 1 else _nothing(paths, options, count)
    if idle and unseen:
        idle = f"{idle}; or make readable what could not be looked at"
    found = [] if idle else answers(kept, seen, _shown, runs, speaks=speaks)
    together = Report(
        source={"kind": "checkup", "paths": [str(p) for p in paths]},
        findings=tuple(f for some in kept.values() for f in some),
        suppressed=tuple(hidden),
        gaps=tuple(gaps),
    )
    return Checkup(
        answers=tuple(found),
        next=next_action(found),
        sources=tuple(sources),
        report=together,
        warnings=tuple(warnings),
        nothing=idle,
    )


_CALLS = re.compile(rb"\.(exec_command|open_sftp|invoke_shell|recv_exit_status|open_session|from_transport)\(")
"""What a file does with a client that others give it: it need not name Paramiko."""


def _nothing(paths: Sequence[Path], options: LintOptions, count: int) -> str:
    """Why source without Paramiko is not checked, and what to give instead."""
    where = ", ".join(shown_path(str(p)) for p in paths)
    if not count:
        return (
            f"No Python file under {where}: nothing to check here. Next: paramedic checkup PATH, "
            "with the folder of a program that uses Paramiko"
        )
    calling = []
    for file in find_files(paths, options.exclude, []):
        try:
            match = _CALLS.search(file.read_bytes())
        except OSError:  # it is told among what was not looked at
            continue
        if match is not None:
            calling.append(f"{shown_path(str(file))} calls {match[1].decode()}()")
    if calling:
        more = f" and {len(calling) - 1} more" if len(calling) > 1 else ""
        return (
            f"No file here imports Paramiko, but {calling[0]}{more}: whose clients these are is not to be seen. "
            "Next: paramedic checkup PATH, with the folder of the program that makes them too"
        )
    files = "1 file" if count == 1 else f"{count} files"
    return (
        f"No Paramiko in {files} under {where}: nothing to check here. Next: paramedic checkup PATH, "
        "with the folder of a program that uses it"
    )


def _shown(place: str) -> str:
    file, colon, line = place.rpartition(":")
    return f"{shown_path(file)}:{line}" if colon and line.isdigit() else shown_path(place)
