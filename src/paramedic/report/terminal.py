"""The report for a person at a terminal, or for the file that its output is piped into."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from paramedic.model.hazard import Hazard
from paramedic.model.report import Report
from paramedic.report.layout import Line, Span, line, plain
from paramedic.report.story import Teller
from paramedic.report.summary import summary

if TYPE_CHECKING:
    from rich.console import Console

WIDEST = 100
"""Columns; longer lines of prose are hard to read."""

STYLES = {
    "name": "bold",
    "message": "bold",
    "observed": "bold red",
    "possible": "bold yellow",
    "advice": "cyan",
    "thread": "bold magenta",
    "path": "blue",
    "source": "",
    "locks": "green",
    "label": "bold",
    "removed": "red",
    "added": "green",
    "rule": "dim",
    "dim": "dim",
}

_PLAIN_DRAWING = str.maketrans({"─": "-", "═": "=", "│": "|", "…": "...", "×": "x"})
"""What stands in for drawing characters where the stream's encoding has none (``LC_ALL=C``)."""


def report_lines(
    report: Report,
    hazards: Mapping[str, Hazard],
    *,
    width: int = 80,
    warnings: Sequence[str] = (),
    again: str = "",
) -> list[Line]:
    """The whole report as lines.

    Args:
        report: what was found, in the order in which it is told.
        hazards: by name; they supply the words that findings leave empty.
        width: columns.
        warnings: sentences about the user's own settings and suppressions.
        again: a command that shows this report again.

    Threads: for one thread at a time; reads the source files that are quoted.
    """
    rule = line(Span("─" * width, "rule"))
    processes = {f.process for f in report.findings}
    teller = Teller(hazards, width=width, several_processes=len(processes) > 1)
    told: list[Line] = []
    for finding in report.findings:
        told.append(rule)
        told += teller.story(finding)
    if report.findings:
        told.append(rule)
    told += summary(report, width=width, warnings=warnings, again=again)
    return told


def report_text(
    report: Report, hazards: Mapping[str, Hazard], *, width: int = 80, warnings: Sequence[str] = (), again: str = ""
) -> str:
    """The whole report as plain text.

    Threads: as `report_lines`.
    """
    return plain(report_lines(report, hazards, width=width, warnings=warnings, again=again))


def write_report(
    report: Report,
    hazards: Mapping[str, Hazard],
    stream: TextIO,
    *,
    warnings: Sequence[str] = (),
    again: str = "",
) -> None:
    """Writes the report, coloured where the stream is a terminal and ``NO_COLOR`` is not set.

    Raises:
        OSError: the stream cannot be written to.

    Threads: as `report_lines`; blocks until the stream took it all.
    """
    from rich.console import Console

    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    width = min(console.width, WIDEST) if console.is_terminal or "COLUMNS" in os.environ else 80
    write_lines(report_lines(report, hazards, width=max(width, 40), warnings=warnings, again=again), stream, console)


def write_lines(lines: Sequence[Line], stream: TextIO, console: Console | None = None) -> None:
    """Writes lines with the styles that the stream can show.

    Raises:
        OSError: the stream cannot be written to.

    Threads: for one thread at a time; blocks until the stream took it all.
    """
    from rich.console import Console
    from rich.text import Text

    console = console or Console(file=stream, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        text = plain(lines)
    else:
        # Text objects are literal: nothing in them is read as Rich markup.
        with console.capture() as capture:
            for spans in lines:
                styled = Text.assemble(*((s.text, STYLES.get(s.style, "")) for s in spans))
                console.print(styled, soft_wrap=True)
        text = capture.get()
    encoding = getattr(stream, "encoding", None) or "utf-8"
    if not _can_draw(encoding):
        text = text.translate(_PLAIN_DRAWING)
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def _can_draw(encoding: str) -> bool:
    try:
        "".join(map(chr, _PLAIN_DRAWING)).encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
