"""Seen in source: more threads that open sessions on one connection than servers allow."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from paramedic.hazards.session_limit import HAZARD
from paramedic.lint.crowds import bounded, crowd_of, unknown_crowd
from paramedic.lint.facts import SourceFacts, values_in
from paramedic.lint.operations import Operation
from paramedic.lint.values import Const, Obj
from paramedic.model.finding import Confidence, Finding

LIMIT = 10
"""MaxSessions of sshd_config(5), for each connection."""


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Crowds of threads on one client with no semaphore; a thread for each item of an unknown list is advice.

    Threads: pure.
    """
    done: set[int] = set()
    for start in facts.having("open"):
        owner = facts.connection(start.obj)
        if id(owner.root) in done or bounded(facts, start, LIMIT) or not facts.in_several(start.context, start.obj):
            continue
        if not _is_session(start):
            continue
        if not facts.in_several(start.context, owner) or any(lock.kind != "semaphore" for lock in start.locks):
            continue
        crowd = crowd_of(facts, start.context, owner)
        if crowd is not None and crowd <= LIMIT:
            continue
        done.add(id(owner.root))
        many = f"{crowd} threads" if crowd is not None else unknown_crowd(start.context)
        message = f"{many} may open sessions on one {facts.name(owner)}; OpenSSH allows {LIMIT}"
        sure = crowd is not None and not _may_be_each_ones_own(facts, start)
        confidence = Confidence.POSSIBLE if sure else Confidence.ADVICE
        yield facts.finding(HAZARD, message, [facts.step(start)], confidence=confidence, objects=[owner])
    yield from _kept_open(facts, done)


def _may_be_each_ones_own(facts: SourceFacts, start: Operation) -> bool:
    """Whether the expression uses, in a crowd of threads, connections of the same make that each has for itself."""
    made = facts.connection(start.obj).root.site
    here = (o for o in facts.having("open") if o.site == start.site)
    own = ((o.context.turns(), facts.connection(o.obj)) for o in here)
    return any(one.root.site == made and turns & set(one.loops) for turns, one in own)


def _is_session(start: Operation) -> bool:
    """Whether it counts: sshd limits sessions, not tunnels."""
    kind = start.argument(0, "kind") if start.method == "open_channel" else None
    tunnel = isinstance(kind, Const) and not kind.partial and kind.value != "session"
    return not tunnel and not start.method.startswith(("open_forward", "open_x11"))


def _kept_open(facts: SourceFacts, done: set[int]) -> Iterable[Finding]:
    """Sessions that a loop opens and keeps, and that nothing closes before the loop's end."""
    for start in facts.having("open"):
        owner = facts.connection(start.obj)
        channel = next((facts.channel(v) or v for v in values_in(start.result) if isinstance(v, Obj)), None)
        inner = [loop for loop in start.loops if loop not in owner.loops]
        sizes = [facts.world.loop_sizes.get(loop) for loop in inner]
        if channel is None or not _is_session(start) or id(owner.root) in done or not sizes:
            continue
        held = [channel, *(v for v in values_in(start.result) if isinstance(v, Obj))]
        if not any({"__kept", "__kept_with"} & one.root.parts.keys() for one in held):
            continue
        count = prod(size or 1 for size in sizes)
        ended = [o for one in held for o in facts.of(one, "close")]
        if channel.kind == "channel":
            ended += facts.below(channel, "whole", "status")  # a command that is over takes no room any more
        if count > LIMIT and not any(set(inner) & set(o.loops) or o.context is not start.context for o in ended):
            done.add(id(owner.root))
            message = f"{count} sessions are opened on one {facts.name(owner)} and kept; OpenSSH allows {LIMIT}"
            yield facts.finding(HAZARD, message, [facts.step(start)], objects=[owner])
