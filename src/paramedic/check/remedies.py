"""Changes of the user's own lines, borrowed from the linter, for findings of lenses that do not read source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from paramedic.check.lint import LintOptions, lint
from paramedic.model.finding import Edit, Finding
from paramedic.model.report import Report

MOST_FILES = 8
"""Files that are read for one report; a report with more has other worries."""

LARGEST_BYTES = 500_000
"""Of one such file: what is larger was not written by hand, and takes more than an instant to read."""

_WORLDS_OWN = ("site-packages", "dist-packages")


def with_edits(report: Report) -> Report:
    """The report with the edits that the linter would make for the same hazard on the same line, where it would.

    Threads: any thread; reads the source files that findings name.
    """
    bare = [finding for finding in report.findings if not finding.edits and finding.site is not None]
    known: dict[tuple[str, str, int], tuple[Edit, ...]] = {}
    hazards = tuple(dict.fromkeys(finding.hazard for finding in bare))
    for file in _files(bare):
        # Each on its own: reading whole folders takes too long for a report that somebody waits for.
        for seen in _seen_in(file, hazards):
            if seen.edits and seen.site is not None:
                known.setdefault((seen.hazard, _real(seen.site.file), seen.site.line), seen.edits)
    if not known:
        return report
    return replace(report, findings=tuple(_edited(finding, known) for finding in report.findings))


def _seen_in(file: Path, hazards: tuple[str, ...]) -> Iterable[Finding]:
    try:
        return lint([file], LintOptions(select=hazards, pedantic=True, jobs=1)).findings
    except Exception:  # an edit is an extra: no trouble with it may take the report's place
        return ()


def _files(findings: Iterable[Finding]) -> list[Path]:
    names = dict.fromkeys(site.file for finding in findings for site in finding.sites)
    files = (Path(name) for name in names if name.endswith(".py") and not any(x in name for x in _WORLDS_OWN))
    return [file for file in files if _is_small(file)][:MOST_FILES]


def _is_small(file: Path) -> bool:
    try:
        return file.is_file() and file.stat().st_size <= LARGEST_BYTES
    except OSError:
        return False


def _edited(finding: Finding, known: dict[tuple[str, str, int], tuple[Edit, ...]]) -> Finding:
    if finding.edits:
        return finding
    found = (known.get((finding.hazard, _real(site.file), site.line)) for site in finding.sites)
    edits = next((edits for edits in found if edits), ())
    return replace(finding, edits=edits) if edits else finding


def _real(name: str) -> str:
    return str(Path(name).resolve())
