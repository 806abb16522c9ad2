"""Lines of styled text, laid out for a width, without any terminal in mind.

Paths and words are never broken, so that what is copied from a report works; a line that cannot fit is longer.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

from paramedic.report.escaping import printable, printable_lines


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line.

    Attributes:
        text: safe to print already.
        style: a name of `paramedic.report.terminal.STYLES`, or "".
    """

    text: str
    style: str = ""


Line = tuple[Span, ...]
EMPTY: Line = ()


def line(*pieces: Span | str) -> Line:
    """A line of pieces; plain strings have no style.

    Threads: pure.
    """
    return tuple(Span(p) if isinstance(p, str) else p for p in pieces)


def plain(lines: Iterable[Line]) -> str:
    """The text alone, with line ends and without blanks before them.

    Threads: pure.
    """
    return "".join("".join(s.text for s in x).rstrip() + "\n" for x in lines)


def wrapped(text: str, width: int, *, first: str = "", rest: str | None = None) -> list[str]:
    """A paragraph in lines of at most ``width`` columns, unless one word is longer.

    Args:
        text: anything; control characters are spelled out.
        width: columns.
        first: what stands before the first line.
        rest: what stands before the others; default: blanks as wide as ``first``.

    Threads: pure.
    """
    return textwrap.wrap(
        printable(" ".join(text.split())),
        width=max(width, len(first) + 20),
        initial_indent=first,
        subsequent_indent=" " * len(first) if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [first.rstrip()]


def labelled(label: str, text: str, width: int, *, indent: int = 2, column: int = 18) -> list[Line]:
    """A paragraph beside its label; text that has lines of its own (a snippet) keeps them.

    Threads: pure.
    """
    head = (" " * indent + label).ljust(column)
    margin = " " * column
    body: list[str] = []
    for paragraph in re.split(r"\n[ \t]*\n", text.strip("\n")):
        lines = [x.rstrip() for x in printable_lines(paragraph) if x.strip()]
        if any(x[0].isspace() for x in lines):  # code
            body += [margin + x for x in lines]
        elif lines:
            body += wrapped(" ".join(lines), width, first=margin)
    if not body:
        return []
    return [line(Span(head, "label"), body[0][column:]), *(line(x) for x in body[1:])]


def cut(text: str, width: int, ellipsis: str = "…") -> str:
    """At most ``width`` columns of the text, with a mark where something is missing.

    Threads: pure.
    """
    return text if len(text) <= width else text[: max(width - len(ellipsis), 0)] + ellipsis
