"""Seen in source: a command on a terminal, or a shell, whose channel nobody keeps."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.dropped_channel import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.lint.shell import is_quiet, outlives_terminal, runs_long
from paramedic.lint.values import Collection, Const, Obj, Value
from paramedic.model.finding import Confidence, Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Commands whose streams are thrown away at once; with a terminal, the server ends the job when they go.

    Threads: pure.
    """
    done: set[tuple[str, int]] = set()
    for start in facts.having("open"):
        place = (start.site.file, start.site.line)
        if not start.discarded or place in done or start.obj.kind not in {"client", "transport"}:
            continue
        channel = _channel(start.result)
        if channel is None or outlives_terminal(facts.command(channel)):
            continue
        done.add(place)
        message = f"Nobody keeps the channel of {start.method}(): it is closed at any moment, and its job with it"
        yield _finding(facts, start, channel, message)
    for start in facts.having("request", kinds={"channel"}):
        channel = start.obj
        place = (start.site.file, start.site.line)
        started = start.method in {"exec_command", "invoke_shell"}
        if not started or place in done or not _forgotten(facts, start) or outlives_terminal(facts.command(channel)):
            continue
        done.add(place)
        message = f"Nobody keeps {facts.name(channel)} after {start.method}(): it is closed, and its job with it"
        yield _finding(facts, start, channel, message)


def _finding(facts: SourceFacts, start: Operation, channel: Obj, message: str) -> Finding:
    """Advice, unless the channel has a terminal, whose end ends the job, and the job may take long."""
    terminal = "__get_pty" in channel.root.parts or start.method == "invoke_shell"
    command = facts.command(channel)
    quick = is_quiet(command, facts.command_is_known(channel)) and not runs_long(command)
    confidence = Confidence.POSSIBLE if terminal and not quick else Confidence.ADVICE
    return facts.finding(HAZARD, message, [facts.step(start)], confidence=confidence, objects=[channel])


def _forgotten(facts: SourceFacts, start: Operation) -> bool:
    """Whether a channel was made here, told what to do, and then nobody has it any more."""
    channel = start.obj
    asked = {"get_pty", "exec_command", "invoke_shell", "settimeout", "set_combine_stderr", "set_environment_variable"}
    alone = all(o.method in asked for o in facts.below(channel))
    held = facts.passed_on(channel) or "__kept" in channel.root.parts or facts.held_by_instance(channel)
    held = (held and "__overwritten" not in channel.root.parts) or _held_meanwhile(facts, start)
    return channel.root.born > 0 and channel.base is None and alone and not held


def _held_meanwhile(facts: SourceFacts, start: Operation) -> bool:
    """Whether a variable holds it in a function that goes on, up to the end of the connection or below a caller."""
    holder = start.obj.root.parts.get("__named_in")
    if not isinstance(holder, Const):
        return False
    name, connection = holder.value, facts.connection(start.obj).root
    later = [o for o in facts.operations if o.context is start.context and o.moment > start.moment]
    later = [o for o in later if o.site.function == name or any(s.function == name for s in o.trail)]
    ends = any(o.has("close") and o.obj.root is connection and o.site.function == name for o in later)
    return any(o.effects & {"waits", "blocks"} for o in later) and (ends or start.site.function != name)


def _channel(result: Value | None) -> Obj | None:
    if isinstance(result, Collection) and result.items and isinstance(result.items[0], Obj):
        return result.items[0].parent
    return result if isinstance(result, Obj) and result.kind == "channel" else None
