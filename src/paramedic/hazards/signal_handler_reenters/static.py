"""Seen in source: a signal handler that calls Paramiko, or that raises in the middle of a call of Paramiko."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.signal_handler_reenters import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.lint.strikes import USES, Strike, strikes
from paramedic.model.finding import Confidence, Finding

_FIX = (
    "Give the calls themselves a limit: exec_command(timeout=), channel.settimeout(), sftp.get_channel().settimeout(), "
    "connect(timeout=, banner_timeout=, auth_timeout=); or close the whole connection when the exception has come; or "
    "use paramedic.safe, whose calls take a timeout and whose locks nothing can leave taken."
)


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Handlers that may interrupt the very Paramiko call whose lock they then want.

    A handler that only closes is advice: it is how programs end, and the process mostly goes right after. So is one
    that raises where the connection is not used any more after that.

    Threads: pure.
    """
    done: set[int] = set()
    for operation in sorted(facts.operations, key=lambda o: o.effects == {"close"}):
        if operation.context.kind != "signal" or id(operation.context) in done or not operation.effects:
            continue
        effects = operation.effects & {"write", "open", "request", "read:stdout", "global", "sftp", "connect", "close"}
        if effects:
            done.add(id(operation.context))
            confidence = Confidence.ADVICE if "close" in effects else Confidence.POSSIBLE
            message = (
                f"The {operation.context.name} calls {facts.called(operation)}: it runs between two steps of whatever "
                "it interrupted, whose lock it may want"
            )
            yield facts.finding(
                HAZARD, message, [facts.step(operation)], confidence=confidence, objects=[operation.obj]
            )  # fmt: skip
    yield from _broken_off(facts)


def _broken_off(facts: SourceFacts) -> Iterable[Finding]:
    done: set[tuple[str, int]] = set()
    for strike in strikes(facts):
        struck = next((o for o in strike.struck if _goes_on(facts, strike, o)), strike.struck[0])
        place = (struck.site.file, struck.site.line)
        if place in done:
            continue
        done.add(place)
        goes_on = _goes_on(facts, strike, struck)
        message = (
            f"An exception of {strike.by} may strike in the middle of {facts.called(struck)}, with a lock of "
            f"Paramiko's taken or a packet half read{', and the connection is used after it' if goes_on else ''}"
        )
        steps = [facts.step(struck)]
        if strike.limit is not None:
            steps.append(facts.step_at(strike.limit, "sets the time after which it strikes"))
        if strike.raised is not None:
            steps.append(facts.step(strike.raised, "raises, wherever the main thread is"))
        confidence = Confidence.POSSIBLE if goes_on else Confidence.ADVICE
        yield facts.finding(HAZARD, message, steps, confidence=confidence, objects=[struck.obj], fix=_FIX)


def _goes_on(facts: SourceFacts, strike: Strike, struck: Operation) -> bool:
    """Whether somebody catches the exception, and the connection that it struck is used after that."""
    connection = facts.connection(struck.obj).root
    began = strike.struck[0].moment
    if struck.effects & {"connect", "auth"} or connection.born > began:
        return False
    if not struck.guarded and struck.episode in facts.world.bodies:
        return False  # it ends the program
    mine = [o for o in facts.below(connection) if o.context is struck.context and o.moment > began]
    if any(o.has("close") and o.in_handler and o.obj.root is connection for o in mine):
        return False
    again = set(strike.struck[0].loops) - set(connection.loops)
    theirs = connection.born == 0 or facts.passed_on(connection) or facts.held_by_instance(connection)
    later = [o for o in mine if o.effects & USES and o.moment > strike.until and o.episode == struck.episode]
    return bool(again) or theirs or bool(later)
