"""Seen in source: connects, commands and transfers that nothing limits, and events that may never be set."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.wait_without_timeout import HAZARD, REPLY_WAIT
from paramedic.lint.contexts import branch_from
from paramedic.lint.edits import add_argument
from paramedic.lint.facts import SourceFacts
from paramedic.lint.forsaken import too_late, unsure
from paramedic.lint.operations import Operation
from paramedic.lint.values import Const, Obj, Unknown, number_of
from paramedic.model.finding import Confidence, Finding, Step

_ASK_FIRST = "Wait in a loop that asks for the state: `with changed: changed.wait_for(lambda: state.name is not None)`."
_SET_ALWAYS = "Set the event in a `finally:`, and have the waiting thread look afterwards whether all went well."


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Waits for a peer that may never answer; advice, because most peers do. And waits for another thread's event.

    Threads: pure.
    """
    done: set[tuple[str, int]] = set()
    for wait in facts.having("waits"):
        # One SFTP client is told once: its channel's timeout covers all of its calls.
        place = (wait.site.file, wait.site.line) if wait.obj.kind != "sftp" else ("sftp", id(wait.obj.root))
        message = _unlimited(facts, wait)
        if message and place not in done and not _cut_from_outside(facts, wait):
            done.add(place)
            edits = add_argument(facts, wait, "timeout=10") if wait.method == "connect" else ()
            yield facts.finding(
                HAZARD,
                message,
                [facts.step(wait)],
                confidence=Confidence.ADVICE,
                objects=[wait.obj],
                edits=edits,
            )
    yield from _unsure(facts)
    for wait, given in too_late(facts):
        message = f"wait() asks for nothing first, and {given.context.name} may have notified the condition before"
        yield facts.finding(HAZARD, message, [facts.step(wait), facts.step(given)], objects=[wait.obj], fix=_ASK_FIRST)


def _unsure(facts: SourceFacts) -> Iterable[Finding]:
    """Waits for an event that its giver does not always set; that an exception keeps it from that is an advice."""
    done: set[int] = set()
    for found in unsure(facts):
        wait, given = found.wait, found.given
        if id(wait.obj.root) in done:
            continue
        done.add(id(wait.obj.root))
        steps = [facts.step(wait)]
        if found.risk is not None:
            steps.append(facts.step(found.risk))
            how = f"an exception in {facts.called(found.risk)} keeps {given.context.name} from setting the event"
        else:
            steps.append(Step(thread=given.context.name, what="goes on without setting it", site=found.way))
            how = f"{given.context.name} does not set the event in each case"
        steps.append(facts.step(given))
        confidence = Confidence.POSSIBLE if found.learnt else Confidence.ADVICE
        message = f"wait() has no timeout, and {how}: it then waits for ever"
        yield facts.finding(HAZARD, message, steps, confidence=confidence, objects=[wait.obj], fix=_SET_ALWAYS)


def _unlimited(facts: SourceFacts, wait: Operation) -> str:
    if wait.obj.kind == "client" and wait.method == "connect":
        return "" if _given(wait, 7, "timeout") else "connect() has no timeout: a silent host keeps it waiting"
    if wait.obj.kind == "client" and wait.method == "exec_command":
        if _given(wait, 2, "timeout") and (wait.guarded or _is_short(wait)):  # somebody counts on it
            return REPLY_WAIT
        return ""
    if wait.has("sftp") and wait.obj.kind == "sftp":
        return "" if _limited(wait.obj) else f"{facts.called(wait)} has no timeout: get_channel().settimeout() sets one"
    channel = facts.channel(wait.obj)
    if channel is None or wait.has("request") or wait.has("open"):
        return ""
    if wait.has("status"):
        reads = facts.below(channel, "read:stdout", "read:stderr")
        return "" if reads else "recv_exit_status() has no timeout, and nothing else limits the wait"
    if wait.has("read:stdout") or wait.has("read:stderr"):
        limited = facts.has_timeout(channel)
        return "" if limited else f"{facts.called(wait)} has no timeout: a silent peer keeps it waiting"
    return ""


SHORT_S = 10
"""Up to this a timeout is meant as a deadline: longer ones only keep a program from waiting for ever."""


def _is_short(wait: Operation) -> bool:
    number = number_of(wait.argument(2, "timeout") or Unknown())
    return number is not None and number <= SHORT_S


def _limited(sftp: Obj) -> bool:
    """Whether a timeout was set on the channel of an SFTP client."""
    channel = sftp.root.parts.get("part:channel")
    value = channel.root.parts.get("__settimeout") if isinstance(channel, Obj) else None
    return value is not None and not (isinstance(value, Const) and value.value is None)


def _given(operation: Operation, position: int, name: str) -> bool:
    value = operation.argument(position, name)
    return (value is not None and not (isinstance(value, Const) and value.value is None)) or "**" in operation.keywords


def _cut_from_outside(facts: SourceFacts, wait: Operation) -> bool:
    """Whether a timer or another thread closes what the wait is on."""
    return any(
        o.context is not wait.context and not _comes_after(o, wait)
        for one in wait.obj.lineage()
        for o in facts.of(one, "close")
    )


def _comes_after(close: Operation, wait: Operation) -> bool:
    """Whether who closes has waited for the thread before."""
    branch = branch_from(close.context, wait.context)
    return branch is not None and branch.ends_before(close.moment, close.episode)
