"""Seen in source: clients that are connected and never closed."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.leaked_connection import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.lint.values import Obj
from paramedic.model.finding import Confidence, Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Clients of thread-locals, loops and threads that nothing closes; others are advice.

    Threads: pure.
    """
    done: set[tuple[str, int]] = set()
    for connect in [*facts.having("connect"), *_own_transports(facts)]:
        client = _connected(connect)
        place = (client.site.file, client.site.line)
        if client.kind not in {"client", "netmiko", "pysftp", "transport"} or place in done:
            continue
        local = client.parts.get("__local") is not None or facts.is_in_locals(client)
        kept = client.parts.get("__kept") is not None or facts.passed_on(client) or facts.held_by_instance(client)
        kept = kept or (client.kind == "transport" and "__kept_with" in client.parts)
        if _closed(facts, connect, client) or (kept and (not local or client.parts.get("__kept") is not None)):
            if _each_failure_leaves_one(facts, connect, client):
                done.add(place)
                message = f"Each login that fails leaves {facts.name(client)} behind: connect() does not close it"
                yield facts.finding(
                    HAZARD, message, [facts.step(connect)], confidence=Confidence.ADVICE, objects=[client]
                )
            elif not kept and (failing := _each_error_leaves_one(facts, connect, client)) is not None:
                done.add(place)
                message = f"{facts.name(client)} stays open whenever {facts.called(failing)} fails: no finally"
                yield facts.finding(
                    HAZARD,
                    message,
                    [facts.step(connect), facts.step(failing, f"may leave by an exception of {facts.called(failing)}")],
                    confidence=Confidence.ADVICE,
                    objects=[client],
                )
            continue
        many = bool(set(connect.obj.root.loops) - facts.world.retries) or connect.context.parent is not None
        message = (
            f"Each thread's {facts.name(client)} stays open after the thread: nothing closes a thread-local's client"
            if local
            else f"{facts.name(client)} is connected and never closed: its thread and connection stay"
        )
        if any(o.has("after-yield") for o in facts.of(client, "close")):
            message = f"{facts.name(client)} is closed only if the body of its `with` raises nothing: no finally"
        strong = local or _many(connect, many)
        if strong:
            done.add(place)  # what is read on its own is advice, and may be strong where a thread does it
        confidence = Confidence.POSSIBLE if strong else Confidence.ADVICE
        yield facts.finding(HAZARD, message, [facts.step(connect)], confidence=confidence, objects=[client])


def _own_transports(facts: SourceFacts) -> Iterable[Operation]:
    """Transports that the program makes itself and logs in with, or asks for their host's key."""
    for made in facts.having("dial"):
        begun = [o for o in facts.of(made.obj, "auth") if o.method != "start_server"]
        if begun and not any(o.method == "start_server" for o in facts.of(made.obj, "auth")):
            yield made


def _connected(connect: Operation) -> Obj:
    """The client that a call connects: its own object, or what an Airflow hook hands out (but to itself)."""
    made = connect.result if connect.obj.kind == "sshhook" and connect.obj.root.instance is None else None
    return made.root if isinstance(made, Obj) else connect.obj.root


def _closed(facts: SourceFacts, connect: Operation, client: Obj) -> bool:
    """Whether anything closes it on the way without an error."""
    closes = facts.of(client, "close")
    if closes and all(facts.never_called(connect, o) or o.has("after-yield") for o in closes):
        return False
    if closes and all(o.in_handler or _on_the_way_out(facts, connect, o) for o in closes):
        return False
    if closes and all(_passed_by(facts, connect, o, closes) for o in closes):
        return False
    return facts.closed_anywhere(client)


def _passed_by(facts: SourceFacts, connect: Operation, close: Operation, closes: list[Operation]) -> bool:
    """Whether a branch between the two returns without closing it."""
    if close.in_finally or close.in_handler or close.loops != connect.loops or close.context is not connect.context:
        return False
    left = {branch for branch, arm in close.path if (branch, arm) in facts.world.early_returns} - dict(
        connect.path
    ).keys()
    return any(not any(branch in dict(o.path) and (branch, 1) not in o.path for o in closes) for branch in left)


def _on_the_way_out(facts: SourceFacts, connect: Operation, close: Operation) -> bool:
    """Whether it is closed only where the function is left early: whoever goes on does not close it."""
    same_turn = close.loops == connect.loops and close.context is connect.context
    if close.in_finally or close.has("left-with") or not same_turn:
        return False
    return any(arm in facts.world.last_arms for arm in close.path if arm not in connect.path)


def _each_failure_leaves_one(facts: SourceFacts, connect: Operation, client: Obj) -> bool:
    """Whether a loop makes a client, swallows the error of its connect(), and makes the next one."""
    closes = [o for o in facts.of(client, "close") if o.loops[: len(client.loops)] == client.loops]
    again = client.loops and client.loops[-1] in facts.world.retries and client.loops[-1] in connect.loops
    swallowed = connect.guarded and not any(o.in_handler or o.in_finally or o.has("left-with") for o in closes)
    return client.kind == "client" and bool(again) and swallowed


def _each_error_leaves_one(facts: SourceFacts, connect: Operation, client: Obj) -> Operation | None:
    """What may fail before the close, where a loop takes the error for an answer and makes the next client."""
    closes = [o for o in facts.of(client, "close") if o.moment > connect.moment]
    # Numbers are given in order: such a `try` begins inside of the loop, and the client is made inside of the `try`.
    caught = {b for b, arm in connect.path if arm == 0 and b in facts.world.swallowing}
    inside = {b for b in caught if client.loops and min(client.loops) < b}
    if not closes or not inside or any(o.in_handler or o.in_finally or o.has("left-with") for o in closes):
        return None
    if any(o.context is not connect.context or o.episode != connect.episode for o in closes):
        return None
    for risky in facts.below(client, "waits"):
        between = connect.moment < risky.moment < min(o.moment for o in closes) and risky.context is connect.context
        if between and {b for b, arm in risky.path if arm == 0 and b in facts.world.swallowing} <= caught:
            return risky
    return None


def _many(connect: Operation, many: bool) -> bool:
    return many and connect.context.kind != "process"
