"""Seen in source: log_to_file() where it may be called again."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.log_to_file_ignored import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.lint.values import Const, alternatives
from paramedic.model.finding import Confidence, Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Calls in loops and threads, and second calls with another file; with the same file they only may log twice.

    Threads: pure.
    """
    calls = facts.having("log-to-file")
    done: set[tuple[str, int]] = set()
    for call in calls:
        place = (call.site.file, call.site.line)
        again = bool(call.loops) or bool(call.context.turns())
        other = next((o for o in calls if facts.in_order(o, call) and o.episode == call.episode), None)
        if place in done or not (again or other is not None):
            continue
        done.add(place)
        differs = not _is_literal(call) or (other is not None and _text(other) != _text(call))
        confidence = Confidence.POSSIBLE if differs else Confidence.ADVICE
        message = "Only the first log_to_file() of a process has an effect: this one may not open its file"
        steps = [facts.step(call), *([facts.step(other)] if other is not None and other.site != call.site else [])]
        yield facts.finding(HAZARD, message, steps, confidence=confidence)


def _is_literal(call: Operation) -> bool:
    name = call.argument(0, "filename")
    return name is not None and all(isinstance(o, Const) and not o.partial for o in alternatives(name))


def _text(call: Operation) -> object:
    name = call.argument(0, "filename")
    return [o.value if isinstance(o, Const) else id(o) for o in alternatives(name)] if name is not None else None
