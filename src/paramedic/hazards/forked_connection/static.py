"""Seen in source: a connection made before a fork and used in the child."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.forked_connection import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.lint.values import Obj
from paramedic.model.finding import Finding

_USES = (
    "open",
    "request",
    "read:stdout",
    "read:stderr",
    "write",
    "status",
    "sftp",
    "global",
    "dialogue",
    "lazy-connect",
)


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Uses in a child process of what the parent has connected.

    Threads: pure.
    """
    if any(o.method in {"start-method:spawn", "start-method:forkserver"} for o in facts.having("start-method")):
        return
    done: set[int] = set()
    for use in facts.having(*_USES):
        child = next((c for c in use.context.chain() if c.kind == "process"), None)
        if child is None or not child.forks or id(child) in done:
            continue
        owner = facts.connection(use.obj)
        if _connected_by_parent(facts, use, owner):
            done.add(id(child))
            message = f"{facts.name(owner)} was connected by the parent and is used in a child process"
            yield facts.finding(HAZARD, message, [facts.step(use)], objects=[owner])


def _connected_by_parent(facts: SourceFacts, use: Operation, owner: Obj) -> bool:
    mine = facts.of(owner, "connect", "auth", "lazy-connect")
    if any(any(c.kind == "process" for c in o.context.chain()) and o.moment < use.moment for o in mine):
        return False
    child = next(c for c in use.context.chain() if c.kind == "process")
    if mine and all(o.context is child.parent and o.episode == child.episode and o.moment > child.start for o in mine):
        return False  # after the fork: each of the two has made its own
    outside = owner.root.maker not in use.context.chain()[: _depth(use)]
    return outside and (bool(mine) or owner.root.born == 0)


def _depth(use: Operation) -> int:
    chain = use.context.chain()
    return next((i + 1 for i, c in enumerate(chain) if c.kind == "process"), len(chain))
