"""Nobody reads the stderr of a ProxyCommand."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.hangs import silent
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.proxy_stderr_full import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Proxy commands whose stderr pipe fills.

    Threads: pure.
    """
    story = Story(facts)
    for proxy, pipe in facts.states.proxy_unread.items():
        if pipe.unread < pipe.size // 4:
            continue
        waits = silent(facts) if pipe.clogged else []
        full = bool(waits) or pipe.unread >= pipe.size * 15 // 16
        state = (
            f"is full, the proxy is blocked, and {facts.world.thread_name(waits[0].thread)} waits in "
            f"{waits[0].method}()"
            if waits
            else "is full: the proxy is blocked, or soon will be"
            if full
            else f"will be full at {pipe.size >> 10} KiB, and then blocks the proxy"
        )
        message = f"{pipe.unread:,} bytes of stderr of {facts.world.name(proxy)} are unread: its pipe {state}"
        born = facts.world.thing(proxy)
        steps = [story.step(born.thread, born.born, facts.first_ns, "started the ProxyCommand")]
        steps += [story.call(call) for call in waits[:1]]
        yield story.finding(HAZARD, Confidence.OBSERVED if full else Confidence.POSSIBLE, message, steps, [proxy])
