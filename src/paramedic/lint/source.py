"""Reading one file: encodings, notebooks, and one clear sentence where it is not Python."""

from __future__ import annotations

import ast
import io
import json
import re
import sys
import tokenize
import warnings
from dataclasses import dataclass
from pathlib import Path

MAXIMUM_BYTES = 4_000_000
"""Larger files are generated; reading one would take longer than all the others."""


class UnreadableSource(Exception):
    """The file cannot be linted; the message is a sentence without the file's name.

    Attributes:
        line: 1-based line of the trouble, 0 where it has none.
        reason: slug for the gap: ``syntax``, ``encoding``, ``too-large``, ``unreadable``.
    """

    def __init__(self, message: str, *, reason: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceFile:
    """One file that was read.

    Attributes:
        path: as the user will see it.
        text: the source; of a notebook, its code cells one after the other.
        tree: the parsed source.
        cells: for a notebook: (first line in text, cell number) of each cell.
    """

    path: Path
    text: str
    tree: ast.Module
    cells: tuple[tuple[int, int], ...] = ()


def read_source(path: Path, data: bytes | None = None) -> SourceFile:
    """Reads and parses one Python file or notebook.

    Args:
        path: the file.
        data: its bytes, where they were read already.

    Raises:
        UnreadableSource: it is no Python 3, too large, in an unknown encoding, or may not be read.

    Threads: any; reads one file.
    """
    if data is None:
        try:
            data = path.read_bytes()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise UnreadableSource(f"cannot be read: {reason}", reason="unreadable") from None
    if len(data) > MAXIMUM_BYTES:
        raise UnreadableSource(f"passed over: {len(data) / 1e6:.1f} MB, looks generated", reason="too-large")
    cells: tuple[tuple[int, int], ...] = ()
    if path.suffix == ".ipynb":
        text, cells = _notebook(data)
    else:
        text = _decode(data)
    return SourceFile(path=path, text=text, tree=_parse(text), cells=cells)


def _decode(data: bytes) -> str:
    return decoded(data)[0].replace("\r\n", "\n").replace("\r", "\n")


def decoded(data: bytes) -> tuple[str, str]:
    """The text of Python source with its own line ends, and its encoding as the file declares it.

    Raises:
        UnreadableSource: it is not text in that encoding, or there is no such encoding.

    Threads: pure.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except SyntaxError as error:
        raise UnreadableSource(f"not Python: {error.msg}", reason="encoding") from None
    except (UnicodeDecodeError, LookupError) as error:
        raise UnreadableSource(f"not text in its declared encoding: {error}", reason="encoding") from None
    return text, encoding


def _parse(text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        if _newer(error, text):
            raise UnreadableSource(
                f"not Python {sys.version_info[0]}.{sys.version_info[1]}: {error.msg} "
                "(written for a newer Python? run paramedic with that one)",
                reason="syntax",
                line=error.lineno or 0,
            ) from None
        hint = " (Python 2?)" if re.search(r"^\s*(print|exec)\s+[\"'\w]|except \w+, \w+:", text, re.M) else ""
        raise UnreadableSource(f"not Python 3: {error.msg}{hint}", reason="syntax", line=error.lineno or 0) from None
    except ValueError as error:
        raise UnreadableSource(f"not Python: {error}", reason="syntax") from None
    except (RecursionError, MemoryError):
        raise UnreadableSource("nested too deeply to be parsed", reason="syntax") from None


_NEWER = re.compile(
    r"^\s*type\s+\w+\s*(\[[^=]*\])?\s*=|^\s*(async\s+)?def\s+\w+\s*\[|^\s*class\s+\w+\s*\[|\b(t|tr|rt)[\"']",
    re.IGNORECASE,
)
"""Type aliases and parameters (3.12), template strings (3.14); f-strings were opened up in 3.12."""


def _newer(error: SyntaxError, text: str) -> bool:
    """Whether what this Python does not know is what a newer one does."""
    lines = text.splitlines()
    line = lines[error.lineno - 1] if error.lineno and error.lineno <= len(lines) else ""
    return _NEWER.search(line) is not None or (sys.version_info < (3, 12) and str(error.msg).startswith("f-string"))


def _notebook(data: bytes) -> tuple[str, tuple[tuple[int, int], ...]]:
    try:
        notebook = json.loads(data)
        sources = [c.get("source", "") for c in notebook["cells"] if c.get("cell_type") == "code"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UnreadableSource("not a notebook: no JSON with cells in it", reason="syntax") from None
    lines: list[str] = []
    cells = []
    for number, source in enumerate(sources, start=1):
        cells.append((len(lines) + 1, number))
        cell = source if isinstance(source, str) else "".join(str(s) for s in source)
        for line in cell.splitlines():
            # IPython's own syntax becomes an empty statement of the same depth, so that line numbers stay.
            magic = re.match(r"(\s*)([%!?]|\w+\?)", line)
            lines.append(f"{magic.group(1)}pass" if magic else line)
        lines.append("")
    return "\n".join(lines), tuple(cells)
