"""What all threads of a dump do, in one line for each group of like ones."""

from __future__ import annotations

from typing import Any

from paramedic.dump.activity import Activity
from paramedic.dump.facts import DumpFacts
from paramedic.dump.story import names
from paramedic.dump.waits import Wait

MAX_LINES = 40


def overview(facts: DumpFacts) -> list[dict[str, Any]]:
    """One entry for each group of threads that do the same at the same place, greatest group last.

    Each is plain data for the report's source: ``threads`` (names), ``count``, ``what``, and where the user's code
    stands, ``file``, ``line`` and ``function``, if it is on the stack.

    Threads: as `DumpFacts`.
    """
    groups = sorted(facts.groups(a for a in facts.activities if a.calls), key=lambda g: (not g[0].is_main, len(g)))
    return [_entry(group) for group in groups[:MAX_LINES]]


def _entry(group: tuple[Activity, ...]) -> dict[str, Any]:
    first = group[0]
    entry: dict[str, Any] = {"threads": _names(group), "count": len(group), "what": _what(group)}
    if first.site is not None:
        entry |= {"file": first.site.file, "line": first.site.line, "function": first.site.function}
    return entry


def _names(group: tuple[Activity, ...]) -> str:
    if group[0].transport is None:
        return names(group)
    return f"the {group[0].as_transport}" if len(group) == 1 else f"{len(group)} transport threads"


def _what(group: tuple[Activity, ...]) -> str:
    first, several = group[0], len(group) > 1
    if first.wait is Wait.NOTHING:
        return "run" if several else "runs"
    if first.wait is Wait.OWN_CODE:
        return "stand in their own code" if several else "stands in its own code"
    what = first.lock or str(first.wait)
    if first.wait is Wait.LOOP:
        what += _TASKS
    return f"wait for {what}" if several else f"waits for {what}"


_TASKS = " (what its tasks wait for is in no thread's stack; paramedic run tells it)"
