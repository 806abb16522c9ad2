"""The main thread has ended and waits for a thread that reads for ever."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.calls import Call
from paramedic.analysis.hangs import HUNG_NS, last_wait
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.exit_blocked import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Threads that keep an otherwise finished program from ending.

    Threads: pure.
    """
    story = Story(facts)
    shutdown = last_wait(facts)
    if shutdown is None or facts.end_ns - shutdown.began_ns < LONG_NS:
        return
    if by_loop := shutdown.name == "Thread.join":
        who, ended = "The event loop", "waits for the loop's workers: its coroutines have ended"
    else:
        who, ended = "The main thread", "ended, and waited for the other threads"
        yield from _unseen(facts, story, shutdown)
    for call in facts.open.all():
        if not facts.is_remote(call.name) or call.thread == shutdown.thread:
            continue
        if call.thread != shutdown.words if by_loop else facts.world.thread(call.thread).daemon:
            continue
        if not _lasts(facts, call):
            continue  # it works on, and was just there when the end came
        if 0 < call.argument <= SOON_MS and facts.end_ns - shutdown.began_ns <= (call.argument + 1000) * 1_000_000:
            continue  # its own timeout ends it in time
        thread = facts.world.thread_name(call.thread)
        message = (
            f"{who} has ended and waits for {thread}, which waits in {call.method}() on {facts.world.name(call.obj)}"
        )
        steps = [
            story.call(call),
            story.step(shutdown.thread, 0, shutdown.began_ns, ended),
        ]
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [call.obj])


def _unseen(facts: RunFacts, story: Story, shutdown: Call) -> Iterator[Finding]:
    """Threads that wait for what is not recorded, a socket or the clock, and serve or use an open connection.

    That a program's main thread leaves all to such threads may be meant; not so where the program gave itself up.
    """
    gave_up = facts.status > 0 and facts.ended_itself and not facts.states.orderly_end and not facts.live
    if not gave_up or facts.end_ns - shutdown.began_ns < HUNG_NS:
        return
    told: set[int] = set()
    for transport in facts.open_transports():
        for use in facts.lives.latest_uses(transport):
            number = _kept_by(facts, use.thread, shutdown.thread)
            if not number or number in told:
                continue
            told.add(number)
            name, connection = facts.world.thread_name(number), facts.world.name(transport)
            message = (
                f"The main thread has ended and waits for {name}, which works on over {connection}: nobody ends it"
            )
            steps = [
                story.step(number, 0, facts.world.thread(number).begun_ns, "began, and has not ended"),
                story.call(use),
                story.step(shutdown.thread, 0, shutdown.began_ns, "ended, and waited for the other threads"),
            ]
            yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [transport])


def _kept_by(facts: RunFacts, user: int, main: int) -> int:
    """The thread that keeps the program from ending: who used a connection, or who started that one; else 0."""
    for _ in range(_MOST_STARTERS):
        thread = facts.world.thread(user)
        alive = thread.begun_ns and not thread.ended_ns and not thread.transport
        waits = any(_lasts(facts, call) for call in facts.open.of(user))
        if alive and not thread.daemon and user != main and not waits:
            return user
        user = thread.starter
        if not user or user == main:
            break
    return 0


def _lasts(facts: RunFacts, call: Call) -> bool:
    return facts.end_ns - call.began_ns >= LONG_NS


_MOST_STARTERS = 8
LONG_NS = 1_000_000_000
SOON_MS = 60_000
"""Who waits for the end of a program will wait a minute."""
