"""Threads that compute keep the connections' threads waiting for the GIL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from paramedic.analysis.busy import BusyTime
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.gil_starved_transport import HAZARD
from paramedic.model.finding import Confidence, Finding

BUSY = 0.7
"""The computing threads ran, or were ready to run, for this part of the time."""
STARVED = 0.3
"""In this part of the looks at a transport's thread that did not run it waited for the GIL, not for the network."""
ENOUGH_LOOKS = 40


_PARAMIKOS = "(_prefetch_thread)"
"""Ends the name of a thread that works off a prefetch() of the user's: that is another hazard's story."""


def find(facts: RunFacts) -> Iterator[Finding]:
    """Transports whose threads were found waiting for the GIL while threads without a call of Paramiko's computed.

    A transport's thread waits for its peer, and hardly ever for a lock: a futex is the GIL's. What the machine's load
    does is not in it, because a thread that is ready and has no CPU waits for none.

    Threads: pure.
    """
    transports = {t.native: t for t in facts.world.threads.values() if t.transport and t.native}
    starved: Counter[int] = Counter()
    looks: Counter[int] = Counter()
    busy: Counter[int] = Counter()
    spent_ns, began_ns = 0, 0
    for time in facts.busy.times:
        hogs = _hogs(facts, time)
        lasted_ns = time.cpu.end_ns - time.cpu.begin_ns
        if not time.callers or sum(hogs.values()) < BUSY * lasted_ns:
            continue  # nobody asked anything of a connection, or the machine had time enough
        for native, (at_gil, at_peer) in time.cpu.looks.items():
            # one that did not run at all stands at a lock of the program's, whatever that is
            if native in transports and time.cpu.used.get(native, (0, 0))[0]:
                starved[native] += at_gil
                looks[native] += at_gil + at_peer
        busy.update(hogs)
        spent_ns += lasted_ns
        began_ns = began_ns or time.cpu.begin_ns
    victims = [n for n in looks if looks[n] >= ENOUGH_LOOKS and starved[n] >= STARVED * looks[n]]
    if not victims:
        return
    story = Story(facts)
    hogs_named = [thread for thread, _ in busy.most_common()]
    worst = max(victims, key=lambda n: starved[n] / looks[n])
    share = round(100 * starved[worst] / looks[worst])
    transport = transports[worst].transport
    message = (
        f"{story.threads(hogs_named)} computed for {spent_ns / 1e9:.1f} s, and the thread of "
        f"{facts.world.name(facts.client_of(transport) or transport)} waited for the GIL in {share} % of "
        f"{looks[worst]} looks at it"
    )
    steps = [
        story.step(hogs_named[0], 0, began_ns, "computed, without a call of Paramiko's"),
        story.step(transports[worst].number, 0, began_ns, "was late for what had come from its peer"),
    ]
    yield story.finding(HAZARD, Confidence.ADVICE, message, steps, [transports[n].transport for n in victims])


def _hogs(facts: RunFacts, time: BusyTime) -> dict[int, int]:
    """How long which threads ran, or were ready to, that had nothing to do with Paramiko."""
    found = {}
    for thread in facts.world.threads.values():
        wanted = sum(time.cpu.used.get(thread.native, (0, 0)))
        own = not thread.transport and not thread.name.endswith(_PARAMIKOS)
        if wanted and own and thread.number not in time.callers:
            found[thread.number] = wanted
    return found
