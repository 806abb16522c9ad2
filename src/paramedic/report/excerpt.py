"""Lines of source files, for the reader of a finding."""

from __future__ import annotations

import os
import stat
import tokenize
from io import BytesIO
from pathlib import Path

from paramedic.model.finding import Site
from paramedic.report.escaping import printable

LARGEST_BYTES = 8_000_000
"""Files beyond this are not read: a report quotes programs, not data."""


class Excerpts:
    """Reads each file once and hands out its lines.

    What cannot be read is no error: a report about a file that has gone is still a report.

    Threads: for one thread at a time; reads files.
    """

    def __init__(self) -> None:
        self._files: dict[str, tuple[str, ...]] = {}

    def lines(self, file: str) -> tuple[str, ...]:
        """All lines of a file without their line ends; none where it cannot be read."""
        if file not in self._files:
            self._files[file] = _read(file)
        return self._files[file]

    def line(self, site: Site) -> str:
        """The site's line, stripped, safe to print; "" where it is not known."""
        lines = self.lines(site.file)
        if not 1 <= site.line <= len(lines):
            return ""
        return printable(lines[site.line - 1].expandtabs(4).strip())


def file_alone(file: str) -> str:
    """The file's own name where a notebook's cell is told with it: ``a.ipynb:cell 3`` is in ``a.ipynb``.

    Threads: pure.
    """
    return file.partition(":cell ")[0] if ".ipynb:cell " in file else file


def shown_path(file: str, here: Path | None = None) -> str:
    """The path as a person would type it from here: relative below the current folder, otherwise as it is.

    Threads: pure but for asking for the current folder where ``here`` is not given.
    """
    if here is None:
        try:
            here = Path.cwd()
        except OSError:  # the folder has gone
            return printable(file)
    path = Path(file)
    if path.is_absolute() and path.is_relative_to(here):
        return printable(str(path.relative_to(here)))
    return printable(file)


def _read(file: str) -> tuple[str, ...]:
    try:
        # O_NONBLOCK: "<string>" is no file, but a FIFO of that name must not hang the report.
        descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_BYTES:
                return ()
            data = stream.read()
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return ()
    try:
        encoding, _ = tokenize.detect_encoding(BytesIO(data).readline)
        text = data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        text = data.decode("utf-8", "replace")
    # As Python counts lines: form feeds and the like do not end one.
    return tuple(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
