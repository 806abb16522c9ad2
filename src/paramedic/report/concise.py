"""Findings as one line each, as ruff and compilers write them, with the source line and the other places below."""

from __future__ import annotations

from collections import Counter

from paramedic.model.finding import Confidence, Finding
from paramedic.model.report import Report
from paramedic.report.escaping import printable
from paramedic.report.excerpt import Excerpts, shown_path

MOST_NAMED = 3
"""So many files that were read in part are named one by one."""


def concise_lines(report: Report, *, excerpts: Excerpts | None = None) -> list[str]:
    """One paragraph for each finding, sorted by place, and a closing line.

    Args:
        report: what was found.
        excerpts: where source lines come from; default: the disk.

    Threads: as `Excerpts`.
    """
    excerpts = excerpts or Excerpts()
    lines: list[str] = []
    for finding in sorted(report.findings, key=_place):
        lines.extend(_paragraph(finding, excerpts))
    partly = [gap for gap in report.gaps if gap.reason == "too-much-work"]
    for gap in report.gaps:
        if gap not in partly or len(partly) <= MOST_NAMED:
            lines.append(f"warning: {printable(gap.detail)}")
    if len(partly) > MOST_NAMED:
        lines.append(
            f"warning: {len(partly)} files were read in part, they take too many steps to follow (see --format json)"
        )
    lines.append(_closing(report))
    return lines


def statistics_lines(report: Report) -> list[str]:
    """How often each hazard was found, most often first.

    Threads: pure.
    """
    counted = Counter((f.code, f.hazard) for f in report.findings)
    fixable = Counter((f.code, f.hazard) for f in report.findings if f.edits)
    return [
        f"{number:>5}  {code}  {'[*] ' if fixable[code, name] else '    '}{name}"
        for (code, name), number in sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    ]


def _place(finding: Finding) -> tuple[str, int, str]:
    site = finding.site
    return (site.file, site.line, finding.code) if site is not None else ("", 0, finding.code)


def _paragraph(finding: Finding, excerpts: Excerpts) -> list[str]:
    site = finding.site
    place = f"{shown_path(site.file)}:{site.line}" if site is not None else "?"
    star = "[*] " if finding.edits else ""
    mark = "" if finding.confidence is Confidence.POSSIBLE else f" ({finding.confidence})"
    lines = [f"{place}: {finding.code} {star}{finding.hazard}{mark}: {printable(finding.message)}"]
    if site is not None:
        source = excerpts.line(site)
        if source:
            lines.append(f"    | {source}")
    for step in finding.steps[1:]:
        if step.site is not None:
            where = f"{shown_path(step.site.file)}:{step.site.line}"
            lines.append(f"    = {where}: {printable(step.thread)} {printable(step.what)}")
    return lines


def _closing(report: Report) -> str:
    files = report.source.get("files", 0)
    matter = report.source.get("files_that_matter", 0)
    looked = f"{files} file{'s' if files != 1 else ''}, {matter} with Paramiko"
    hidden = f"; {len(report.suppressed)} suppressed" if report.suppressed else ""
    if not report.findings:
        return f"No hazards found ({looked}{hidden})."
    number = len(report.findings)
    fixable = sum(1 for f in report.findings if any(e.safe for e in f.edits))
    others = sum(1 for f in report.findings if f.edits and not any(e.safe for e in f.edits))
    fixes = f" [*] {fixable} fixable with --fix." if fixable else ""
    fixes += f" {others} more with --unsafe-fixes." if others else ""
    code = report.findings[0].code
    return (
        f"Found {number} hazard{'s' if number != 1 else ''} ({looked}{hidden}).{fixes} "
        f"`paramedic explain {code}` says why and shows the cure."
    )
