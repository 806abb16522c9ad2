"""Locks that a program has made itself of a condition: who came in first, and who waits at the entrance.

Such a lock is known by its entrance alone, a function whose name says so. Whoever has been through it, and has not
touched the condition in any other function since, is still inside.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from paramedic.analysis.calls import Call
from paramedic.analysis.locks import LASTING_NS, Hold, is_endless

if TYPE_CHECKING:
    from paramedic.analysis.facts import Facts

_ENTRANCE = frozenset("enter aenter acquire lock locked turn reserve exclusive hold holding guard".split())


@dataclass(frozen=True, slots=True)
class Inside:
    """A thread waits at the entrance, and others are inside.

    Attributes:
        wait: its wait for the condition.
        entrance: the function, as it is called.
        insiders: those inside, each with how it came in and the remote call that it has been in since.
    """

    wait: Call
    entrance: str
    insiders: tuple[tuple[Hold, Call], ...]


def at_entrances(facts: Facts) -> list[Inside]:
    """Those who wait at the entrance of a home-made lock, for threads that are all in a remote call.

    Threads: pure.
    """
    if facts.states.orderly_end:
        return []
    found: list[Inside] = []
    for calls in list(facts.open.stacks.values()):
        wait = calls[-1] if calls else None
        if wait is None or wait.name not in ("Condition.wait", "Condition.wait_for"):
            continue
        if not is_endless(wait.argument) and facts.end_ns - wait.began_ns < LASTING_NS:
            continue
        mine = wait.let_go
        if mine is None:
            continue
        entrance = _function(facts, mine.stack)
        if not _is_entrance(entrance) or _function(facts, wait.stack) != entrance:
            continue
        last = facts.locks.last_holds(mine.lock)
        insiders = [hold for thread, hold in last.items() if thread != wait.thread and hold.began_ns < mine.began_ns]
        insiders = [hold for hold in insiders if _function(facts, hold.stack) == entrance]
        remote = [(hold, call) for hold in insiders if (call := _remote(facts, hold)) is not None]
        waiters = sum(_waits_here(facts, hold.thread, wait.obj) for hold in insiders)
        if remote and len(remote) + waiters == len(insiders):
            found.append(Inside(wait, entrance, tuple(remote)))
    return found


def _function(facts: Facts, stack: int) -> str:
    site = facts.world.site(stack)
    return site.function if site is not None else ""


def _is_entrance(function: str) -> bool:
    return not _ENTRANCE.isdisjoint(function.rpartition(".")[2].lower().split("_"))


def _waits_here(facts: Facts, thread: int, condition: int) -> bool:
    calls = facts.open.of(thread)
    return bool(calls) and calls[-1].obj == condition


def _remote(facts: Facts, hold: Hold) -> Call | None:
    calls = facts.open.of(hold.thread)
    call = calls[-1] if calls else None
    return call if call is not None and facts.is_remote(call.name) and call.began_ns > hold.began_ns else None
