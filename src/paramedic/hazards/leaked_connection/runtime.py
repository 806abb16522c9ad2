"""Connections outlive the threads that made them, their failed logins, or their use."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from paramedic.analysis.calls import Call
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.analysis.world import Thread
from paramedic.hazards.leaked_connection import HAZARD
from paramedic.model.finding import Confidence, Finding

_PILE = 10
"""So many that are still referred to are no set for later, if each was used only until the next one was made."""
_REPLACED = (
    "Call close() before each connect() of the same SSHClient, or make a new one for each connection and close that."
)

_AT_ONCE = (
    "Look whether there is a connection, and make one, under one lock: who looks at the same time finds none, too, and "
    "makes another one, which takes the first one's place. What is replaced is closed there as well."
)
_LENT = "Put each client back in a finally clause, or close it there; who closes the pool closes only what is in it."


def find(facts: RunFacts) -> Iterator[Finding]:
    """Connections that were never closed, grouped by the line that made them.

    Threads: pure.
    """
    story = Story(facts)
    outlived: dict[int, list[int]] = {}
    failed: dict[int, list[int]] = {}
    dropped: dict[int, list[int]] = {}
    replaced: dict[int, list[int]] = {}
    borrowed: dict[int, list[int]] = {}
    others: dict[int, list[int]] = {}
    lent = facts.pools.out()
    out = {t: taken for t in facts.open_transports() if (taken := lent.get(facts.client_of(t)) or lent.get(t))}
    torn = {c.resource for c in facts.conflicts.found() if c.overlapped and c.rule.resource == "client.life"}
    in_use = set() if facts.states.orderly_end else _latest_of_waiters(facts)
    for ident in facts.open_transports():
        if facts.client_of(ident) in torn:
            continue  # it had two connects at once, and lost one: that is the story, and no close() would have helped
        thing = facts.world.thing(ident)
        maker = facts.world.thread(thing.thread)
        connect = facts.connects_of.get(ident)
        if connect is not None and connect.error:
            failed.setdefault(thing.born, []).append(ident)
        elif facts.was_replaced(ident):
            replaced.setdefault(thing.born, []).append(ident)
        elif facts.lives.was_dropped(facts.client_of(ident), ident, facts.shutdown_ns or facts.end_ns):
            dropped.setdefault(thing.born, []).append(ident)
        elif _outlives(facts, ident, maker):
            outlived.setdefault(thing.born, []).append(ident)
        elif ident in out and _outlives(facts, ident, facts.world.thread(out[ident].thread)):
            borrowed.setdefault(thing.born, []).append(ident)
        elif ident not in in_use:
            others.setdefault(thing.born, []).append(ident)
    told: set[int] = set()
    piled = {stack: facts.used_one_by_one(transports) for stack, transports in others.items()}
    gone = {ident for transports in dropped.values() for ident in transports}
    dropped = _by_line(story, dropped)
    for stack, transports in dropped.items():  # the others that this line made will follow when they are collected
        for kept in (outlived, borrowed, piled):
            for alike in [s for s in kept if _line(story, s) == _line(story, stack)]:
                if len(transports) > 1:
                    transports += kept.pop(alike)
                elif kept is not piled:  # one has gone already; its thread has ended like the others
                    kept[alike] += transports
                    break
    if not facts.states.orderly_end:
        piled = {stack: transports for stack, transports in piled.items() if _grows(facts, transports)}
    for groups, least, words, end in (
        (dropped, 2, "were never closed: their clients are gone, and nobody can close them any more", "was dropped"),
        (
            replaced,
            2,
            "were never closed: their client was connected again, and its close() closes only the latest",
            "",
        ),
        (outlived, 2, "were never closed and outlive the threads that made them ({makers})", "ended without close()"),
        (borrowed, 2, "were never closed: who took them from a queue has ended, and put none back", "was lent"),
        (failed, 2, "stayed although their logins had failed: what raises closes nothing, and nobody else did", ""),
        (piled, _PILE, "were never closed, each last used before the next one was made", "went on without close()"),
    ):
        for stack, transports in groups.items():
            if len(transports) < least:
                continue
            told.update(transports)
            makers = {facts.world.thing(t).thread for t in transports}
            lost = len(gone.intersection(transports))
            if groups is dropped and lost < len(transports):
                words = f"were never closed: the clients of {lost} are gone, and nobody can close those any more"
            message = f"{len(transports)} connections {words.format(makers=story.threads(makers))}"
            first = facts.connects_of.get(transports[0])
            if end or first is None:
                who, t_ns = (first.thread, first.began_ns) if first is not None else (min(makers), facts.first_ns)
                step = story.step(who, stack, t_ns, f"connected, and {end}")
            else:
                step = story.call(first)
            steps, fix = [step], _REPLACED if groups is replaced else ""
            if groups is dropped and (pair := _at_once(facts, story, transports)):
                steps, fix = [story.call(connect) for connect in pair], _AT_ONCE
            if groups is borrowed:
                calls = [call for t in transports if t in out and (call := out[t].call) is not None]
                steps += [story.call(call, "took one and did not put it back") for call in calls[:3]]
                fix = _LENT
            yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, transports[:4], len(transports), fix=fix)
    connected = {t: facts.connects_of[t] for t in facts.open_transports() if t not in told and t in facts.connects_of}
    rest = [t for t, connect in connected.items() if not connect.error or facts.client_of(t) not in torn]
    if rest and facts.states.orderly_end:
        message = (
            f"{len(rest)} connection{'s were' if len(rest) > 1 else ' was'} open when the program ended: its end did "
            "what close() should"
        )
        steps = [story.call(facts.connects_of[t]) for t in rest[:3]]
        yield story.finding(HAZARD, Confidence.ADVICE, message, steps, rest[:4], len(rest))


def _at_once(facts: RunFacts, story: Story, transports: list[int]) -> list[Call]:
    """Two connects at the line that made these, at the same time, one of whose threads went on with the other's client.

    Both had looked for a connection and found none; one was put in the other's place.
    """
    line = _line(story, facts.world.thing(transports[0]).born)
    connects = [(t, c) for t, c in facts.connects_of.items() if _line(story, facts.world.thing(t).born) == line]
    connects.sort(key=lambda pair: pair[1].began_ns)
    for (first, earlier), (second, later) in pairwise(connects):
        if later.began_ns < (earlier.ended_ns or facts.end_ns) and later.thread != earlier.thread:
            for transport, other in ((first, later.thread), (second, earlier.thread)):
                owners = (transport, facts.client_of(transport))
                if any(use.thread == other for owner in owners for use in facts.lives.latest_uses(owner)):
                    return [earlier, later]
    return []


def _line(story: Story, stack: int) -> object:
    return story.facts.world.site(stack) or stack


def _by_line(story: Story, groups: dict[int, list[int]]) -> dict[int, list[int]]:
    """The same, with what was made at one line in one group, whoever called that."""
    stacks: dict[object, int] = {}
    found: dict[int, list[int]] = {}
    for stack, transports in groups.items():
        found.setdefault(stacks.setdefault(_line(story, stack), stack), []).extend(transports)
    return found


def _grows(facts: RunFacts, transports: list[int]) -> bool:
    """Whether connections were still being made when the program was ended from outside, or gave up.

    Those that a service makes when it starts, and keeps for what is to come, look the same but for that.
    """
    made = sorted(facts.connects_of[t].began_ns for t in transports if t in facts.connects_of)
    longest_ns = max((later - earlier for earlier, later in zip(made, made[1:], strict=False)), default=0)
    return bool(made) and facts.end_ns - made[-1] <= 2 * longest_ns


def _outlives(facts: RunFacts, transport: int, maker: Thread) -> bool:
    """Whether the thread that made it is gone and nobody has used it since, in a program that came to its own end.

    What threads have opened at the start for all who come is used later, or was to be when a signal came; and what an
    exception cuts short, Ctrl-C or a bug, does not come to the lines that close.
    """
    ended = not facts.states.broken_off and (facts.states.orderly_end or facts.ended_itself)
    if not maker.ended_ns or facts.end_ns <= maker.ended_ns or not ended:
        return False
    used = max(facts.lives.last_used_ns(o) for o in (transport, facts.client_of(transport)))
    return used <= maker.ended_ns


def _latest_of_waiters(facts: RunFacts) -> set[int]:
    """The latest connection of each thread that waits at a disorderly end: it may have been about to close it."""
    latest = {facts.world.thing(t).thread: t for t in facts.open_transports()}
    return {transport for thread, transport in latest.items() if facts.open.of(thread)}
