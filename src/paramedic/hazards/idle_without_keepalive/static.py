"""Seen in source: a loop that uses a connection, sleeps, and uses it again, with no keepalive."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.idle_without_keepalive import HAZARD
from paramedic.lint.edits import add_line_below
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.lint.values import number_of
from paramedic.model.finding import Confidence, Finding

SHORTEST_S = 60
"""Shorter pauses keep a connection known by themselves; timeouts of NAT tables begin at some minutes."""


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Clients that a loop with long pauses goes on using, and on which nobody sets a keepalive.

    Threads: pure.
    """
    pauses = [o for o in facts.having("blocks") if o.loops and _pause_s(o) >= SHORTEST_S]
    if not pauses or facts.says("SO_KEEPALIVE"):
        return
    done = {id(facts.connection(o.obj).root) for o in facts.having("keepalive")}
    for use in facts.having("open", "sftp"):
        owner = facts.connection(use.obj)
        if owner.kind not in {"client", "transport"} or id(owner.root) in done:
            continue
        inner = set(use.loops) - set(owner.loops)
        pause = next((p for p in pauses if p.context is use.context and inner & set(p.loops)), None)
        connects = [o for o in facts.of(owner, "connect", "auth") if not set(o.loops) & inner]
        if pause is None or not connects:
            continue
        done.add(id(owner.root))
        message = f"{facts.name(owner)} is idle for {_pause_s(pause):g} s at a time and has no keepalive"
        steps = [facts.step(connects[0]), facts.step(pause, "pauses"), facts.step(use)]
        client = owner.kind == "client" and connects[0].method == "connect"
        edits = add_line_below(facts, connects[0], "{}.get_transport().set_keepalive(30)") if client else ()
        yield facts.finding(HAZARD, message, steps, confidence=Confidence.ADVICE, objects=[owner], edits=edits)


def _pause_s(operation: Operation) -> float:
    """How long a call only lets time pass, in seconds; 0 where it does not, or the source does not tell."""
    if operation.method not in {"time.sleep", "wait"}:
        return 0.0
    number = number_of(operation.args[0]) if operation.args else None
    if number is None and "timeout" in operation.keywords:
        number = number_of(operation.keywords["timeout"])
    return number if number is not None else 0.0
