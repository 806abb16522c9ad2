"""Findings in notebooks, told by cell: ``analysis.ipynb:cell 3`` and the line in that cell."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from pathlib import Path

from paramedic.check.allowance import read_allowances
from paramedic.check.suppression import NO_REASON, names_hazard
from paramedic.lint.source import UnreadableSource, read_source
from paramedic.model.finding import Finding, Site


def in_cells(finding: Finding) -> Finding:
    """The finding with the sites of notebooks told by cell; any other finding as it is.

    Threads: any; reads the notebook.
    """
    if not any(s.site is not None and s.site.file.endswith(".ipynb") for s in finding.steps):
        return finding
    steps = tuple(
        replace(s, site=_in_cell(s.site), stack=tuple(x for x in map(_in_cell, s.stack) if x is not None))
        for s in finding.steps
    )
    return replace(finding, steps=steps)


def allowed(finding: Finding) -> str | None:
    """The reason of a comment in a notebook's cell that allows the finding; None where there is none.

    Other files are looked at by `paramedic.check.suppression`, which cannot read a notebook as Python.

    Threads: any; reads the notebook.
    """
    for site in finding.sites:
        if site.file.endswith(".ipynb"):
            for allowance in read_allowances(site.file, _text(site.file).encode()).get(site.line, ()):
                if any(names_hazard(name, finding) for name in allowance.names):
                    return allowance.reason or NO_REASON
    return None


def _text(file: str) -> str:
    try:
        return read_source(Path(file)).text
    except UnreadableSource:
        return ""


def _in_cell(site: Site | None) -> Site | None:
    if site is None or not site.file.endswith(".ipynb"):
        return site
    cells = _cells(site.file)
    position = bisect_right([first for first, _ in cells], site.line) - 1
    if position < 0:
        return site
    first, number = cells[position]
    return replace(site, file=f"{site.file}:cell {number}", line=site.line - first + 1)


def _cells(file: str) -> tuple[tuple[int, int], ...]:
    try:
        return read_source(Path(file)).cells
    except UnreadableSource:
        return ()
