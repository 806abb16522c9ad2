"""Stacks that people print as Python values: ``pprint`` of ``{name: format_stack(frame)}``, over many lines."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

_BEGINS = re.compile(r"""\{(?:'[^']*'|"[^"]*"|\d+): (?:\[|\()?\s*['"](?:Traceback \(|  File )""")
_SUMMARY = re.compile(r"<FrameSummary file (?P<file>.+?), line (?P<line>\d+) in (?P<function>[^\s,\]]+)>")
_MAX_LINES = 200_000


class PrintedValue:
    """A dict whose lines are still coming.

    Threads: for one thread at a time.
    """

    def __init__(self, line: str) -> None:
        """Begins with the line for which `begins` is true."""
        self._lines = [line]

    def add(self, line: str) -> bool:
        """Takes the next line; False where it is none of the dict's, which then is over."""
        if self.is_whole or line[:1] != " " or len(self._lines) >= _MAX_LINES:
            return False
        self._lines.append(line)
        return True

    @property
    def is_whole(self) -> bool:
        """Whether the last line closes it."""
        return self._lines[-1].rstrip().endswith(("]}", "'}", '"}', ")}"))

    def lines(self) -> Iterator[str]:
        """The stacks under their threads' names. Of one that is cut off, those that are whole."""
        for name, stack in self._value().items():
            yield f"Thread {name}:" if isinstance(name, int) else f"# Thread: {name}"
            yield from "".join(map(str, stack if isinstance(stack, list | tuple) else [stack])).splitlines()
            yield ""

    def _value(self) -> dict[object, object]:
        texts = [text.strip() for text in self._lines]
        if not self.is_whole:
            whole = [n for n, text in enumerate(texts, 1) if text.endswith(("],", "'),", '"),'))]
            texts = [*texts[: whole[-1]], "}"] if whole else []
        try:
            found = ast.literal_eval("".join(texts))
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return {}
        return found if isinstance(found, dict) else {}


def begins(line: str) -> bool:
    """Whether such a dict begins with the line.

    Threads: pure.
    """
    return line[:1] == "{" and bool(_BEGINS.match(line))


def summarised(text: str) -> list[str]:
    """The frames of a printed ``traceback.extract_stack()``, each as `traceback` prints it; none where it is none.

    Threads: pure.
    """
    found = list(_SUMMARY.finditer(text)) if "<FrameSummary " in text else []
    if not found:
        return []
    head = text[: found[0].start()].rstrip(" [(")
    frames = [f'  File "{m["file"]}", line {m["line"]}, in {m["function"]}' for m in found]
    return [head, *frames] if head.strip() else frames
