"""Seen in source: one thread ends a channel's input while another closes the channel."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.eof_after_close import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.lint.values import Const
from paramedic.model.finding import Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Channels whose EOF and CLOSE may be sent by two threads at once.

    Threads: pure.
    """
    ends = [o for o in facts.having("eof") if not _only_reading(o)]
    closes = [o for o in facts.having("close") if o.obj.kind == "channel"]
    for a, b, channel in facts.conflicts(ends, closes, key=facts.channel_of):
        if a.context is not b.context:
            message = f"One thread sends EOF on {facts.name(channel)} while another may be closing it"
            yield facts.finding(HAZARD, message, facts.steps_of(a, b), objects=[channel])


def _only_reading(operation: Operation) -> bool:
    """Whether it is ``shutdown(0)``, which sends nothing (channel.py, shutdown)."""
    how = operation.argument(0, "how")
    return isinstance(how, Const) and how.value == 0
