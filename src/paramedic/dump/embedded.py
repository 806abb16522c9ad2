"""py-spy's JSON in the middle of other lines: after a warning, behind a collector's prefix, one thread a line."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from paramedic.dump.assembly import read_snapshots
from paramedic.dump.prefix import Unwrapper
from paramedic.dump.printed_values import PrintedValue, begins
from paramedic.dump.pyspy_json import read_json
from paramedic.model.snapshot import Snapshot

MAX_CHARS = 64 * 1024 * 1024
"""So long a document among other lines is kept together; a longer one is read as one that is cut off."""
_MAX_DOCUMENTS = 64
_FRAMES = '"frames"'
_DOCKER = '"[\\n"'
_IDENT = re.compile(r'"(?:os_)?thread_id"')
_MAX_THREADS = 20_000
_ESCAPED = '\\"frames\\"'


def read_lines(lines: Iterable[str]) -> Iterator[Snapshot]:
    """Yields the dumps among lines of any kind, those in JSON as well.

    Args:
        lines: as they are in the input.

    Threads: for one thread; keeps one document at a time for each stream.
    """
    taken = _Taken()
    for snapshot in read_snapshots(taken.others(lines)):
        yield from taken.found()
        yield snapshot
    taken.end()
    yield from taken.found()


@dataclass(slots=True)
class _Document:
    """A document whose lines are still coming: the text so far, and whether it is py-spy's own, over many lines."""

    raw: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    chars: int = 0
    is_sure: bool = False


class _Taken:
    """Takes the lines of JSON out of the others."""

    def __init__(self) -> None:
        self._open: dict[str, _Document] = {}
        self._threads: list[str] = []
        self._printed: PrintedValue | None = None
        self._unwrapper = Unwrapper()
        self._ready: deque[Snapshot] = deque()

    def found(self) -> Iterator[Snapshot]:
        """The dumps that were found since the last time."""
        while self._ready:
            yield self._ready.popleft()

    def others(self, lines: Iterable[str]) -> Iterator[str]:
        """The lines that are no JSON of py-spy's; of a printed dict of stacks, the stacks."""
        for line in lines:
            if self._printed is not None:
                if self._printed.add(line):
                    continue
                yield from self._printed.lines()
                self._printed = None
            if self._open:
                yield from self._go_on(line)
            elif _FRAMES in line or _ESCAPED in line:
                yield from self._one_line(line)
            elif (line.endswith("[") or _DOCKER in line) and self._begins(line):
                continue
            elif line[:1] == "{" and begins(line):
                self._printed = PrintedValue(line)
            else:
                if self._threads and line:
                    self._threads_end()
                yield line
        if self._printed is not None:
            yield from self._printed.lines()

    def end(self) -> None:
        """There are no more lines."""
        self._threads_end()
        for key, document in self._open.items():
            if document.is_sure:
                self._read("\n".join(document.texts), key)
        self._open.clear()

    def _begins(self, line: str) -> bool:
        key, text = next(iter(self._unwrapper.lines(line)), ("", line))
        if text != "[" or len(self._open) >= _MAX_DOCUMENTS:
            return False
        self._open[key] = _Document(raw=[line], texts=[text], chars=1)
        return True

    def _go_on(self, line: str) -> Iterator[str]:
        for key, text in self._unwrapper.lines(line):
            document = self._open.get(key)
            if document is None:
                if not (line.endswith("[") and self._begins(line)):
                    yield line
                return
            document.texts.append(text)
            document.chars += len(text)
            if not document.is_sure:
                document.raw.append(line)
                if _FRAMES in text or _FRAMES in line:
                    document.is_sure = True
                    document.raw.clear()
                elif len(document.texts) > 12 or text[:1] not in (" ", "\t", "{"):
                    del self._open[key]
                    yield from document.raw
                    return
            if text[:1] == "]" or document.chars > MAX_CHARS:
                del self._open[key]
                self._read("\n".join(document.texts), key)

    def _one_line(self, line: str) -> Iterator[str]:
        """A whole document on one line, or one thread of it."""
        found = False
        for key, text in self._unwrapper.lines(line):
            starts = [n for n in (text.find("[{"), text.find('{"')) if n >= 0]
            if _FRAMES not in text or not starts or not _IDENT.search(text):
                continue
            found = True
            document = text[min(starts) :]
            if document.startswith("{"):
                self._threads.append(document)
                if len(self._threads) >= _MAX_THREADS:
                    self._threads_end()
            else:
                self._read(document, key)
        if not found:
            yield line

    def _threads_end(self) -> None:
        """One thread a line: those that followed each other are one dump."""
        threads: list[object] = []
        for text in self._threads:
            try:
                threads.append(json.JSONDecoder().raw_decode(text)[0])
            except (ValueError, RecursionError):
                continue
        self._threads.clear()
        if threads:
            self._read(json.dumps(threads), "")

    def _read(self, text: str, key: str) -> None:
        self._ready.extend(replace(s, stream=key) for s in read_json(text) if s.threads)
