"""``# paramedic: allow[name, …] reason`` beside a line, read from the source of a finding's steps."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_COMMENT = re.compile(r"#+\s*paramedic\s*:\s*allow(?!\w)(?:\s*\[(?P<names>[^\]]*)\])?(?P<reason>.*)", re.IGNORECASE)
_QUICK = re.compile(rb"paramedic\s*:\s*allow", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """One such comment.

    Attributes:
        file: where it stands.
        line: 1-based.
        names: what it allows, as written; none where there are no brackets, or nothing in them.
        reason: why; "" where the writer gave none.
    """

    file: str
    line: int
    names: tuple[str, ...]
    reason: str


Allowances = Mapping[int, tuple[Allowance, ...]]
"""By the 1-based number of each line that they cover."""


def read_allowances(file: str, source: bytes) -> Allowances:
    """The comments of one file, by the lines that they cover.

    A comment covers every line of the statement on (or within) which it stands; one that stands on a line of its own
    covers the statement below it, with other comments between them. It is read as Python reads comments, so that a
    string that looks like one is none; where Python cannot read the file, line by line.

    Threads: pure.
    """
    if not _QUICK.search(source):
        return MappingProxyType({})
    try:
        return _from_tokens(file, source)
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError):
        return _from_lines(file, source)


def _from_tokens(file: str, source: bytes) -> Allowances:
    covered: dict[int, tuple[Allowance, ...]] = {}
    pending: list[Allowance] = []  # on lines of their own, for the statement below
    inside: list[Allowance] = []
    first: int | None = None
    for token in tokenize.tokenize(io.BytesIO(source).readline):
        if token.type == tokenize.COMMENT:
            allowance = _parse(file, token.start[0], token.string)
            if allowance is not None:
                alone = first is None and not token.line[: token.start[1]].strip()
                (pending if alone else inside).append(allowance)
        elif token.type == tokenize.NEWLINE:
            start = token.start[0] if first is None else first
            for number in range(start, token.start[0] + 1):
                _cover(covered, number, (*pending, *inside))
            pending, inside, first = [], [], None
        elif token.type == tokenize.NL:
            if first is None and not token.line.strip():
                pending = []  # a blank line parts the comment from what follows
        elif first is None and token.type not in (tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING):
            first = token.start[0]
    return MappingProxyType(covered)


def _from_lines(file: str, source: bytes) -> Allowances:
    covered: dict[int, tuple[Allowance, ...]] = {}
    for number, text in enumerate(source.decode("utf-8", "replace").split("\n"), 1):
        allowance = _parse(file, number, text)
        if allowance is not None:
            _cover(covered, number, (allowance,))
            if text.lstrip().startswith("#"):
                _cover(covered, number + 1, (allowance,))
    return MappingProxyType(covered)


def _cover(covered: dict[int, tuple[Allowance, ...]], number: int, more: tuple[Allowance, ...]) -> None:
    if more:
        covered[number] = covered.get(number, ()) + more


def _parse(file: str, number: int, text: str) -> Allowance | None:
    match = _COMMENT.search(text)
    if match is None:
        return None
    names = tuple(name.strip() for name in (match["names"] or "").split(",") if name.strip())
    return Allowance(file=file, line=number, names=names, reason=match["reason"].strip(" \t-–:"))
