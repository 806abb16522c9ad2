"""The smallest change as a diff: of the user's own lines where a lens has made edits, otherwise of typical code."""

from __future__ import annotations

from collections.abc import Sequence

from paramedic.model.finding import Edit
from paramedic.report.escaping import printable, printable_lines
from paramedic.report.excerpt import Excerpts, shown_path
from paramedic.report.layout import Line, Span, line

MOST_LINES = 40
"""Changed lines shown; a larger fix is no longer a small one."""


def diff_of(edits: Sequence[Edit], excerpts: Excerpts, *, indent: int = 0) -> list[Line]:
    """What the edits remove and add, file by file, with line numbers; nothing where there are none.

    Threads: as `Excerpts`.
    """
    margin = " " * indent
    shown: list[Line] = []
    for file in dict.fromkeys(edit.file for edit in edits):
        shown.append(line(margin, Span(shown_path(file), "path")))
        for edit in sorted((e for e in edits if e.file == file), key=lambda e: e.first_line):
            shown += _changed(edit, excerpts, margin)
    if len(shown) > MOST_LINES:
        left = len(shown) - MOST_LINES
        shown = [*shown[:MOST_LINES], line(margin, Span(f"and {left} more lines", "dim"))]
    return shown


def typical_diff(change: str, *, indent: int = 0) -> list[Line]:
    """A hazard's `change`, coloured; nothing where there is none.

    Threads: pure.
    """
    kinds = {"-": "removed", "+": "added", " ": "source"}
    return [line(" " * indent, Span(row, kinds[row[0]])) for row in change.splitlines()]


def _changed(edit: Edit, excerpts: Excerpts, margin: str) -> list[Line]:
    source = excerpts.lines(edit.file)
    shown: list[Line] = []
    for number in range(edit.first_line, edit.last_line + 1):
        old = printable(source[number - 1].expandtabs(4)) if number <= len(source) else ""
        shown.append(line(margin, Span(f"{number:>4} - {old}".rstrip(), "removed")))
    for number, new in enumerate(printable_lines(edit.text), edit.first_line):
        shown.append(line(margin, Span(f"{number:>4} + {new}".rstrip(), "added")))
    return shown
