"""A signal handler uses the connection that it interrupted."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from paramedic.analysis.calls import Call
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.analysis.waits import own_waits
from paramedic.hazards.signal_handler_reenters import HAZARD
from paramedic.lint.passages import Places
from paramedic.model.finding import Confidence, Finding, Site


def find(facts: RunFacts) -> Iterator[Finding]:
    """Calls on a connection from inside another call on it, in the main thread, or from a handler at another moment,
    and handlers that wait for a lock of the code that they interrupted.

    Threads: pure.
    """
    story = Story(facts)
    handlers = {tuple(facts.world.text(t).split("\t")) for t in facts.states.signal_handlers}

    def handles(call: Call) -> bool:
        return any((site.file, site.function) in handlers for site in facts.world.stack(call.stack))

    def interrupts(call: Call) -> bool:
        stack = facts.world.stack(call.stack)
        below = [s for s, inner in zip(stack[1:], stack, strict=False) if (inner.file, inner.function) in handlers]
        return bool(below) and sleeps(places, below[-1])

    places = Places()
    told = False
    for own in own_waits(facts):
        if not facts.interrupts(own):
            continue
        wait, lock = own.wait, facts.world.name(own.wait.lock)
        message = (
            f"{facts.world.thread_name(wait.thread)} waits for {lock} in a signal handler that interrupted the code "
            "which holds it, in the same thread: nobody can let it go"
        )
        inside = [c for c in facts.open.of(wait.thread) if own.hold.began_ns <= c.began_ns <= wait.began_ns]
        steps = [story.hold(own.hold), *(story.call(call) for call in inside[-1:])]
        steps.append(story.wait(wait, (own.ended_ns or facts.end_ns) - wait.began_ns))
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [wait.lock], why=_OWN_LOCK)
        told = True
    for outer, inner, count in facts.nested.values():
        if not handles(inner):
            continue  # a logging handler, say
        # the handler waits for the lock, the next signal interrupts that, and so on
        buried = any(call.error.startswith("RecursionError") for call in (outer, inner))
        stuck = not inner.ended_ns and not facts.states.orderly_end and facts.end_ns - inner.began_ns >= LONG_NS
        message = (
            f"{inner.method}() was called on {facts.world.name(inner.obj)} by a signal handler that had interrupted "
            f"{outer.method}() on the same connection: Paramiko's locks are not re-entrant"
        )
        confidence = Confidence.OBSERVED if stuck or buried else Confidence.POSSIBLE
        yield story.finding(HAZARD, confidence, message, [story.call(outer), story.call(inner)], [inner.obj], count)
        told = True
    if told:
        return
    used = {transport: call for (transport, *_), call in facts.in_main.items() if not handles(call)}
    by_handler = [
        (t, waits or interrupts(call), call)
        for (t, _, waits), call in facts.in_main.items()
        if t in used and handles(call)
    ]
    # the function may be called in the ordinary way, too; not so while the thread waits for something else
    for transport, waits, call in sorted(by_handler, key=lambda found: not found[1])[:1]:
        message = (
            f"{call.method}() was called on {facts.world.name(call.obj)} by a function that is a signal handler, "
            f"{'while' if waits else 'perhaps while'} the main thread was at something else: in a call on the same "
            "connection it would have held locks"
        )
        confidence = Confidence.POSSIBLE if waits else Confidence.ADVICE
        yield story.finding(HAZARD, confidence, message, [story.call(used[transport]), story.call(call)], [call.obj])


def sleeps(places: Places, site: Site) -> bool:
    """Whether nothing but a sleep or a pause of the interpreter's own is called at a line: it calls no handler.

    Threads: one thread; reads the file.
    """
    for name, module in _SLEEPS.items():
        for place in places.places([site], name):
            node = place.node
            if isinstance(node, ast.Call) and not any(isinstance(n, ast.Call) for a in node.args for n in ast.walk(a)):
                func = node.func
                owner = func.value if isinstance(func, ast.Attribute) else None
                if isinstance(owner, ast.Name) and owner.id == module:
                    return True
                if isinstance(func, ast.Name) and func.id == name and place.file.imported.get(name) == module:
                    return True
    return False


_SLEEPS = {"sleep": "time", "pause": "signal"}
_OWN_LOCK = (
    "Python runs signal handlers on the main thread between two bytecodes, wherever that is, and a plain Lock does not "
    "let its own thread in a second time"
)
LONG_NS = 1_000_000_000
