"""Seen in source: a lock of several threads, held while a remote command runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from paramedic.hazards.lock_held_across_io import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.meetings import lets_one_in
from paramedic.lint.operations import Operation
from paramedic.lint.shell import runs_long
from paramedic.lint.values import Obj
from paramedic.model.finding import Finding, Step

_WAITS = ("read:stdout", "read:stderr", "status", "dialogue")


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Locks that several threads take, one of them around the whole run of a command.

    A lock that guards something that needs one (an SFTP client, a channel's dialogue, a connect) is right, if slow:
    it is told only where the command is seen to run long.

    Threads: pure.
    """
    waits = [o for o in facts.having(*_WAITS) if not facts.is_there(o)]
    waits = [o for o in waits if o.locks]
    # Two locks of one kind, held together, reserve two hosts for a job: that is what they are for.
    waits = [o for o in waits if not _reserves(o)]
    gates = {id(lock.root) for o in facts.having("acquire") if _reserves(o) for lock in o.locks}
    done: set[int] = set()
    guarded: dict[int, list[Operation]] = {}
    for operation in facts.operations if waits else ():
        for root in {id(lock.root) for lock in operation.locks if operation.effects}:
            guarded.setdefault(root, []).append(operation)
    for wait in waits:
        for lock in wait.locks:
            if (
                not lets_one_in(lock)
                or (lock.kind == "semaphore" and _is_taken_with_another(facts, lock))
                or id(lock.root) in gates
                or _is_one_of_many(facts, wait, lock)
                or id(lock) in done
                or lock.root.parts.get("__guessed") is not None
            ):
                continue
            hard = (
                _needless(guarded[id(lock.root)], lock)
                or _long(facts, wait, lock)
                or _keeps_the_writer_out(facts, wait, lock)
            )
            if not _wanted_by_others(facts, wait, lock) or not hard:
                continue
            done.add(id(lock))
            message = f"{facts.name(lock)} is held across {facts.called(wait)}, as long as the remote command runs"
            steps = [facts.step(wait), *_takers(facts, wait, lock)]
            yield facts.finding(HAZARD, message, steps, objects=[lock, wait.obj])


def _takers(facts: SourceFacts, wait: Operation, lock: Obj) -> list[Step]:
    """Where the lock that is held was taken, and where another thread waits for it: elsewhere, if there is such."""
    since, taken = _hold(wait, lock), facts.of(lock, "acquire")
    mine = next((o for o in taken if o.moment == since), None)
    others = [o for o in taken if mine is None or o.site != mine.site]
    shared = facts.anywhere if lock.uncertain else lock
    meets = (o for o in others if facts.concurrent(wait, o, shared) or facts.concurrent(o, wait, shared))
    other = next(meets, None)
    steps = [facts.step(mine, "takes the lock")] if mine is not None else []
    if other is not None:
        steps.append(facts.step(other, "waits for the lock"))
    elif mine is not None:
        whose = f"another {mine.context.name}" if mine.context.parent is not None else "another thread"
        steps.append(replace(facts.step(mine, "waits for the lock"), thread=whose))
    return steps


def _reserves(operation: Operation) -> bool:
    """Whether two locks of one kind are held, or one is taken where another is held."""
    held = [*operation.locks, *([operation.obj] if operation.has("acquire") else [])]
    # What one key gives is one lock, whichever it is.
    known = {lock.tag if lock.uncertain else id(lock.root) for lock in held}
    return len({lock.root.site for lock in held}) < len(known)


def _is_one_of_many(facts: SourceFacts, wait: Operation, lock: Obj) -> bool:
    """Whether a loop that is over has taken it, and others of its kind: ``for name in names: enter(locks[name])``."""
    since = _hold(wait, lock)
    taken = next((o for o in facts.of(lock, "acquire") if o.moment == since), None)
    return taken is not None and lock.uncertain and bool(set(taken.loops) - set(wait.loops))


def _is_taken_with_another(facts: SourceFacts, lock: Obj) -> bool:
    """Whether it is held together with another one, at times: such semaphores reserve things for a job."""
    held = ({id(one.root) for one in (*o.locks, o.obj)} for o in facts.having("acquire"))
    return any(id(lock.root) in roots and len(roots) > 1 for roots in held)


def _wanted_by_others(facts: SourceFacts, wait: Operation, lock: Obj) -> bool:
    taken = facts.of(lock, "acquire")
    shared = facts.anywhere if lock.uncertain else lock  # by its key two threads may well get the same
    return any(facts.concurrent(wait, o, shared) or facts.concurrent(o, wait, shared) for o in taken)


def _needless(guarded: list[Operation], lock: Obj) -> bool:
    """Whether nothing that the lock guards needs it: each command has a channel of its own."""
    needs = {"sftp", "connect", "lazy-connect", "dialogue", "write", "global", "hostkeys", "auth", "close"}
    kept = [o for o in guarded if o.obj.kind in {"channel", "stdout", "stderr"} and not _opened_inside(o, lock)]
    return not any(o.effects & needs for o in guarded) and not kept


def _keeps_the_writer_out(facts: SourceFacts, wait: Operation, lock: Obj) -> bool:
    """Whether what a read waits for is asked for under the same lock, by another thread."""
    channel = facts.channel(wait.obj)
    if channel is None or facts.has_timeout(channel):
        return False
    held = [o for o in facts.below(channel, "write") if any(one.root is lock.root for one in o.locks)]
    mine = _hold(wait, lock)
    return not any(_hold(o, lock) == mine for o in held) and any(facts.concurrent(wait, o, channel) for o in held)


def _hold(operation: Operation, lock: Obj) -> int | None:
    """The moment since which the lock is held there."""
    held = zip(operation.locks, operation.holds, strict=False)
    return next((since for one, since in held if one.root is lock.root), None)


def _opened_inside(operation: Operation, lock: Obj) -> bool:
    channel = SourceFacts.channel(operation.obj)
    return channel is not None and channel.root.born >= min(
        (h for one, h in zip(operation.locks, operation.holds, strict=False) if one.root is lock.root), default=0
    )


def _long(facts: SourceFacts, wait: Operation, lock: Obj) -> bool:
    """Whether it is held as long as a command runs that takes its time: an answer in a dialogue comes sooner."""
    channel = facts.channel(wait.obj)
    if channel is None or not runs_long(facts.command(channel)):
        return False
    asked = [o for o in facts.below(channel, "write") if _hold(o, lock) is not None]
    answer = wait.method in {"recv", "readline"} and any(_hold(o, lock) == _hold(wait, lock) for o in asked)
    return not answer
