"""Findings in notebooks, told by cell: ``analysis.ipynb:cell 3`` and the line in that cell."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

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


def _in_cell(site: Site | None) -> Site | None:
    if site is None or not site.file.endswith(".ipynb"):
        return site
    cells = _cells(site.file)
    position = bisect_right([first for first, _ in cells], site.line) - 1
    if position < 0:
        return site
    first, number = cells[position]
    return replace(site, file=f"{site.file}:cell {number}", line=site.line - first + 1)


@lru_cache(maxsize=8)
def _cells(file: str) -> tuple[tuple[int, int], ...]:
    try:
        return read_source(Path(file)).cells
    except UnreadableSource:
        return ()
