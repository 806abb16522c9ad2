"""Applying the edits of findings to the files: only the lines of an edit change, byte for byte."""

from __future__ import annotations

import ast
import os
import re
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from paramedic.lint.source import UnreadableSource, decoded
from paramedic.model.finding import Edit, Finding

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
"""One line with its end, as Python counts lines: a form feed ends none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What fixing does to one file.

    Attributes:
        path: the file.
        before: its lines with their ends.
        after: its lines with the edits; they still parse.
        count: how many edits were made.
        encoding: of the file; ``utf-8-sig`` where it begins with a byte order mark.
    """

    path: Path
    before: tuple[str, ...]
    after: tuple[str, ...]
    count: int
    encoding: str

    def diff(self) -> str:
        """A unified diff.

        Threads: any; does not block.
        """
        lines = unified_diff(self.before, self.after, fromfile=str(self.path), tofile=str(self.path))
        return "".join(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines)


def plan(findings: Iterable[Finding], *, unsafe: bool) -> list[Change]:
    """The changes that the findings' edits make; edits that overlap an earlier one wait for the next run.

    Args:
        findings: whose edits are wanted.
        unsafe: also edits that may change what a correct program does.

    Threads: any; reads the files.
    """
    by_file: dict[str, list[Edit]] = {}
    for finding in findings:
        if finding.edits and (unsafe or all(e.safe for e in finding.edits)):
            for edit in finding.edits:
                if edit not in by_file.setdefault(edit.file, []):
                    by_file[edit.file].append(edit)
    changes = [_change(Path(file), edits) for file, edits in sorted(by_file.items())]
    return [c for c in changes if c is not None]


def _change(path: Path, edits: list[Edit]) -> Change | None:
    try:
        text, encoding = decoded(path.read_bytes())
    except (UnreadableSource, OSError):
        return None
    before = _LINE.findall(text)
    lines = list(before)
    made = 0
    lowest = len(lines) + 2
    for edit in sorted(edits, key=lambda e: e.first_line, reverse=True):
        if edit.last_line >= lowest:
            continue
        replaced = lines[edit.first_line - 1 : edit.last_line] or lines[edit.first_line - 2 : edit.first_line - 1]
        trial = [*lines[: edit.first_line - 1], *_with_ends(edit.text, replaced), *lines[edit.last_line :]]
        try:
            ast.parse("".join(trial).replace("\r\n", "\n").replace("\r", "\n"))
            "".join(trial).encode(encoding)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        lines, lowest, made = trial, edit.first_line, made + 1
    if not made:
        return None
    return Change(path=path, before=tuple(before), after=tuple(lines), count=made, encoding=encoding)


def _with_ends(text: str, replaced: list[str]) -> list[str]:
    """The lines of an edit with the line ends of what they replace; a last line without one stays so."""
    ends = [line[len(line.rstrip("\r\n")) :] for line in replaced]
    usual = next((end for end in ends if end), "\n")
    lines = [line.rstrip("\r\n") + usual for line in _LINE.findall(text)]
    if lines and ends and not ends[-1]:
        lines[-1] = lines[-1].rstrip("\r\n")
    return lines


def write(change: Change) -> None:
    """Puts the changed text in the place of the file, all at once and with the same mode.

    Raises:
        OSError: the file cannot be written; it is as it was.

    Threads: any; writes a file.
    """
    target = change.path.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".paramedic-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write("".join(change.after).encode(change.encoding))
        os.chmod(name, target.stat().st_mode & 0o7777)
        os.replace(name, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
