"""``py-spy dump --json``: the only form that gives full paths, addresses and thread ids without guessing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import takewhile
from typing import Any

from paramedic.dump.native import is_native, waits_in
from paramedic.model.finding import Site
from paramedic.model.report import Gap
from paramedic.model.snapshot import Frame, Snapshot, ThreadStack

MAX_TEXT = 512 * 1024 * 1024
_CUT = "\0cut off"
"""Marks the thread in whose middle a text ends."""


def looks_like_json(start: str) -> bool:
    """Whether a text that begins so is py-spy's JSON rather than lines.

    Threads: pure.
    """
    head = start.lstrip("\ufeff \t\r\n")
    return head.startswith("[") and head[1:].lstrip()[:1] in ("{", "]", "")


def read_json(text: str) -> Iterator[Snapshot]:
    """Yields the dumps of a text that is one or several JSON documents of py-spy.

    Of a document that is cut off it takes what is there, with a gap that says so.

    Threads: pure.
    """
    decoder = json.JSONDecoder()
    position = 0
    while True:
        position = _skip_space(text, position)
        if position >= len(text):
            return
        try:
            document, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            yield from _snapshots(list(_threads_before_the_cut(decoder, text, position)), cut_off=True)
            return
        if isinstance(document, list):
            yield from _snapshots(document, cut_off=False)


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n\ufeff":
        position += 1
    return position


def _threads_before_the_cut(decoder: json.JSONDecoder, text: str, position: int) -> Iterator[Any]:
    """The threads that are whole, and of the last one the frames that are."""
    if text[position : position + 1] != "[":
        return
    position += 1
    for thread, end in _items(decoder, text, position):
        yield thread
        position = end
    begun = text.find('"frames"', position)
    frames = text.find("[", begun) + 1
    if begun < 0 or not frames:
        return
    try:
        torn = json.loads(text[position:frames].lstrip(" \t\r\n,") + "]}")
    except (ValueError, RecursionError):
        return
    if isinstance(torn, dict):
        yield torn | {"frames": [frame for frame, _ in _items(decoder, text, frames)], _CUT: True}


def _items(decoder: json.JSONDecoder, text: str, position: int) -> Iterator[tuple[Any, int]]:
    """The items of a list that are whole, each with the position after it."""
    while True:
        while position < len(text) and text[position] in " \t\r\n,":
            position += 1
        try:
            item, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            return
        yield item, position


def _snapshots(document: list[Any], *, cut_off: bool) -> Iterator[Snapshot]:
    """One for each process: ``--subprocesses`` writes them all into one list."""
    by_process: dict[int | None, list[ThreadStack]] = {}
    odd = 0
    for item in document:
        thread = _thread(item) if isinstance(item, dict) else None
        if thread is None:
            odd += 1
            continue
        process = item.get("pid")
        by_process.setdefault(process if isinstance(process, int) else None, []).append(thread)
    gaps: list[Gap] = []
    if cut_off:
        gaps.append(Gap(reason="cut-off", detail="the JSON ends early; what stands before that is there"))
    if odd:
        gaps.append(Gap(reason="unreadable", detail="entries that are no threads", count=odd))
    for process, threads in by_process.items():
        yield Snapshot(form="py-spy-json", threads=tuple(threads), process=process, gaps=tuple(gaps))


def _thread(item: dict[str, Any]) -> ThreadStack | None:
    frames = item.get("frames")
    if not isinstance(frames, list):
        return None
    ident = item.get("os_thread_id") or item.get("thread_id") or ""
    found = [(f, _text(f.get("filename"))) for f in frames if isinstance(f, dict)]
    inner = [_text(f.get("name")) for f, _ in takewhile(lambda pair: is_native(pair[1]), found)]
    active, gil = item.get("active"), item.get("owns_gil")
    return ThreadStack(
        ident=str(ident),
        name=_text(item.get("thread_name")),
        frames=tuple(_frame(f) for f, file in found if not is_native(file)),
        holds_gil=gil if isinstance(gil, bool) else None,
        cut_off=_CUT in item,
        state="" if not isinstance(active, bool) else "active" if active else "idle",
        system_call=waits_in(inner),
    )


def _frame(item: dict[str, Any]) -> Frame:
    line = item.get("line")
    variables = item.get("locals")
    return Frame(
        site=Site(
            file=_text(item.get("filename")) or _text(item.get("short_filename")),
            line=line if isinstance(line, int) and line > 0 else 0,
            function=_text(item.get("name")),
        ),
        variables=tuple(
            (_text(v.get("name")), _text(v.get("repr")))
            for v in (variables if isinstance(variables, list) else ())
            if isinstance(v, dict)
        ),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
