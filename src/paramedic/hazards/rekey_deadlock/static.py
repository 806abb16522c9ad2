"""Seen in source: a thread that asks for new keys while others use the connection, or a limit that does."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from paramedic.hazards.rekey_deadlock import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.model.finding import Confidence, Finding

_BUSY = ("open", "request", "close", "sftp", "dialogue", "read:stdout", "read:stderr", "write")
_LIMITS = {"REKEY_BYTES", "REKEY_PACKETS"}
DEFAULT = 2**29
"""Of both limits, in Packetizer (packet.py): bytes, and packets."""


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Calls of renegotiate_keys() beside other threads of the connection; limits that were made smaller.

    Threads: pure.
    """
    done: set[tuple[str, int]] = set()
    for rekey in (o for o in facts.having("global") if o.method == "renegotiate_keys"):
        place = (rekey.site.file, rekey.site.line)
        owner = facts.connection(rekey.obj)
        beside = [
            o for o in facts.below(owner, *_BUSY) if o is not rekey and facts.concurrent(rekey, o, facts.anywhere)
        ]
        beside = [o for o in beside if facts.connection(o.obj).root is owner.root and not facts.common_locks(rekey, o)]
        given_on = rekey.context.parent is not None and facts.passed_on(owner)
        if place in done or not (beside or given_on):
            continue
        done.add(place)
        message = "renegotiate_keys() while others use the connection: its own thread can block itself for 30 s"
        steps = [facts.step(rekey), *([facts.step(beside[0])] if beside else [])]
        yield facts.finding(HAZARD, message, steps, objects=[owner])
    if facts.says(*_LIMITS):
        yield from _made_smaller(facts)


def _made_smaller(facts: SourceFacts) -> Iterable[Finding]:
    """Limits after which Paramiko itself asks for new keys, much more often than it would."""
    busy = [o for o in facts.having("open") if o.context.parent is not None]
    for module in facts.world.modules.values():
        for node in (n for n in ast.walk(module.tree) if isinstance(n, ast.Assign)):
            for target in node.targets:
                if isinstance(target, ast.Attribute) and target.attr in _LIMITS and _is_small(node.value):
                    message = f"{target.attr} is far below its default: Paramiko asks for new keys on a busy connection"
                    steps = [facts.step_on(module, node, f"sets {target.attr}"), *map(facts.step, busy[:1])]
                    confidence = Confidence.POSSIBLE if busy else Confidence.ADVICE
                    yield facts.finding(HAZARD, message, steps, confidence=confidence)
                    return


def _is_small(value: ast.expr) -> bool:
    number = _number(value)
    return number is not None and number < DEFAULT


def _number(node: ast.expr) -> int | None:
    """What a literal gives, or a product, power or shift of literals; None where that is not known, or huge."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, int) else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Pow, ast.LShift)):
        left, right = _number(node.left), _number(node.right)
        if left is not None and right is not None and 0 <= right < 2**40 and 0 <= left < 2**40:
            if isinstance(node.op, ast.Mult):
                return left * right
            if right < 64:
                return left**right if isinstance(node.op, ast.Pow) else left << right
    return None
