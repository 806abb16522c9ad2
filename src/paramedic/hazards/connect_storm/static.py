"""Seen in source: more threads that connect to one server at once than it lets in."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.connect_storm import HAZARD
from paramedic.lint.crowds import bounded, crowd_of, unknown_crowd
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.lint.values import Const, External, Unknown, alternatives
from paramedic.model.finding import Confidence, Finding

LIMIT = 10
"""First number of MaxStartups (10:30:100) of sshd_config(5): unauthenticated connections before drops begin."""


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Crowds of connects to one address with no semaphore.

    Threads: pure.
    """
    done: set[tuple[str, int]] = set()
    for connect in facts.having("connect"):
        place = (connect.site.file, connect.site.line)
        if place in done or not connect.context.turns() or bounded(facts, connect, LIMIT) or _differs(connect):
            continue
        if any(lock.kind == "lock" for lock in connect.locks):
            continue
        crowd = crowd_of(facts, connect.context)
        if crowd is not None and crowd <= LIMIT:
            continue
        done.add(place)
        many = f"{crowd} threads" if crowd is not None else unknown_crowd(connect.context)
        confidence = Confidence.POSSIBLE if crowd is not None and _one_address(connect) else Confidence.ADVICE
        message = f"{many} may connect to one server at once; OpenSSH drops some beyond {LIMIT}"
        yield facts.finding(HAZARD, message, [facts.step(connect)], confidence=confidence, objects=[connect.obj])


def _one_address(connect: Operation) -> bool:
    """Whether the address is the same for all: no text that is put together of something unknown."""
    host = connect.argument(0, "hostname") or connect.argument(0, "host")
    options = alternatives(host) if host is not None else ()
    return not any(isinstance(o, Const) and o.partial for o in options)


def _differs(connect: Operation) -> bool:
    """Whether the address is one of the items that the threads are made for, or is not known to be one address."""
    host = connect.argument(0, "hostname") or connect.argument(0, "host")
    return host is None or bool(set(getattr(host, "loops", ())) & set(connect.context.loops)) or _argument_of(connect)


def _argument_of(connect: Operation) -> bool:
    host = connect.argument(0, "hostname")
    options = alternatives(host) if host is not None else ()
    return any(isinstance(o, Unknown) and bool(o.loops) for o in options) or not all(
        isinstance(o, (Const, Unknown, External)) for o in options
    )
