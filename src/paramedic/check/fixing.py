"""Applying the edits of findings to the files."""

from __future__ import annotations

import ast
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from paramedic.lint.source import UnreadableSource, read_source
from paramedic.model.finding import Edit, Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What fixing does to one file.

    Attributes:
        path: the file.
        before: its text.
        after: its text with the edits; it still parses.
        count: how many edits were made.
    """

    path: Path
    before: str
    after: str
    count: int

    def diff(self) -> str:
        """A unified diff.

        Threads: any; does not block.
        """
        lines = unified_diff(
            self.before.splitlines(keepends=True),
            self.after.splitlines(keepends=True),
            fromfile=str(self.path),
            tofile=str(self.path),
        )
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
        before = read_source(path).text
        newline = "\r\n" if b"\r\n" in path.read_bytes() else "\n"
    except (UnreadableSource, OSError):
        return None
    lines = before.splitlines(keepends=True)
    made = 0
    lowest = len(lines) + 2
    for edit in sorted(edits, key=lambda e: e.first_line, reverse=True):
        if edit.last_line >= lowest:
            continue
        trial = [*lines[: edit.first_line - 1], edit.text, *lines[edit.last_line :]]
        try:
            ast.parse("".join(trial))
        except (SyntaxError, ValueError):
            continue
        lines, lowest, made = trial, edit.first_line, made + 1
    if not made:
        return None
    after = "".join(lines)
    return Change(
        path=path, before=before, after=after.replace("\n", newline) if newline != "\n" else after, count=made
    )


def write(change: Change) -> None:
    """Puts the changed text in the place of the file, all at once and with the same mode.

    Raises:
        OSError: the file cannot be written; it is as it was.

    Threads: any; writes a file.
    """
    target = change.path.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".paramedic-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(change.after)
        os.chmod(name, target.stat().st_mode & 0o7777)
        os.replace(name, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
