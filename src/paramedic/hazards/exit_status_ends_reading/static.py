"""Seen in source: a loop that reads until the exit status is there, with no read to the end after it."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from paramedic.hazards.exit_status_ends_reading import HAZARD
from paramedic.lint.closed_loops import ended_by
from paramedic.lint.facts import SourceFacts
from paramedic.lint.names import Def, Scope, own
from paramedic.lint.operations import Operation
from paramedic.lint.values import Obj
from paramedic.model.finding import Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Loops that stop reading when the process has ended, though output may still be on its way.

    Threads: pure.
    """
    yield from _while_ready(facts)
    yield from _until_closed(facts)
    done: set[tuple[str, int]] = set()
    for poll in facts.having("poll-status"):
        channel = facts.channel(poll.obj)
        if channel is None or not poll.loops or (poll.site.file, poll.site.line) in done or _only_looks(poll):
            continue
        loop = poll.loops[-1]
        if _is_served(facts, channel, loop):
            continue
        reads = facts.below(channel, "read:stdout", "read:stderr")
        reads = [o for o in reads if o.context.strand is poll.context.strand]
        inside = [o for o in reads if loop in o.loops]
        after = [o for o in reads if loop not in o.loops and o.moment > poll.moment]
        deeper = [o for o in inside if o.loops[-1] != loop and o.moment > poll.moment and not facts.is_there(o)]
        if not inside and after and all(_is_one_look(facts, poll, o) for o in after):
            done.add((poll.site.file, poll.site.line))
            message = "Once the exit status is there, what has come is taken in one read: what is still coming is lost"
            yield facts.finding(HAZARD, message, [facts.step(poll), facts.step(after[0])], objects=[channel])
        ends = inside and not after and not deeper and not any(o.has("whole") for o in inside)
        if ends and not _ends_its_function_alone(facts, poll):
            done.add((poll.site.file, poll.site.line))
            message = "The loop stops reading once the exit status is there: output that is still coming is lost"
            yield facts.finding(HAZARD, message, [facts.step(poll), facts.step(inside[0])], objects=[channel])


def _is_served(facts: SourceFacts, channel: Obj, loop: int) -> bool:
    """Whether it is a server's end of a channel, whose peer is a client and has no exit status to send.

    The program sends one itself, or the loop carries data between it and a channel on which a command was asked for.
    """
    if facts.below(channel, "serves"):
        return True
    asked = {id(c): c for o in facts.having("poll-status") if loop in o.loops and (c := facts.channel(o.obj))}
    others = [c for c in asked.values() if c.root is not channel.root]
    return not facts.below(channel, "request", "open") and any(facts.below(c, "request") for c in others)


def _is_one_look(facts: SourceFacts, poll: Operation, read: Operation) -> bool:
    """Whether a read after the loop that waits for the status takes what is there, and is not repeated."""
    once = set(read.loops) <= set(poll.loops[:-1])
    return once and not read.has("whole") and read.method in {"recv", "recv_stderr"}


def _while_ready(facts: SourceFacts) -> Iterable[Finding]:
    """``while channel.recv_ready():`` as all the reading of a command: it ends where nothing is there *yet*."""
    done: set[tuple[str, int]] = set()
    for poll in facts.having("poll"):
        channel = facts.channel(poll.obj)
        if channel is None or poll.method != "recv_ready" or (poll.site.file, poll.site.line) in done:
            continue
        if not isinstance(poll.test, ast.While) or poll.test.test is not poll.call or not poll.loops:
            continue
        if "__exec_command" not in channel.root.parts or "__invoke_shell" in channel.root.parts:
            continue
        own = set(poll.loops) - set(channel.root.loops)
        reads = facts.below(channel, "read:stdout")
        others = facts.below(channel, "status", "poll-status", "fileno")
        others += [o for o in facts.below(channel, "poll") if o.site != poll.site]
        # What a function drains that is called again and again, it drains to the end at last.
        here = channel.root.site.function in {poll.site.function, *(s.function for s in poll.trail)}
        if len(own) != 1 or not reads or others or not here or facts.passed_on(channel):
            continue
        if all(o.context.strand is poll.context.strand and own <= set(o.loops) and not o.has("whole") for o in reads):
            done.add((poll.site.file, poll.site.line))
            message = "The loop stops reading as soon as nothing is there yet: output that is still coming is lost"
            yield facts.finding(HAZARD, message, [facts.step(poll), facts.step(reads[0])], objects=[channel])


def _until_closed(facts: SourceFacts) -> Iterable[Finding]:
    """``while not channel.closed:`` as all the reading: it ends with output in the buffer."""
    trees = {str(path): module.tree for path, module in facts.world.modules.items()}
    done: set[tuple[str, str, str]] = set()
    for poll in facts.having("poll"):
        channel = facts.channel(poll.obj)
        if channel is None or poll.method not in {"recv_ready", "recv_stderr_ready"} or not poll.loops:
            continue
        scope = _function_around(trees.get(poll.site.file), poll.site.line)
        end = ended_by(own(scope), poll.site.line) if scope is not None else ""
        reads = facts.below(channel, "read:stdout", "read:stderr", "poll")
        reads = [o for o in reads if o.moment > poll.moment and poll.loops[-1] not in o.loops]
        after = any(o.context.strand is poll.context.strand or _waits_for(o, poll) for o in reads)
        place = (poll.site.file, poll.site.function, end)
        if end and not after and not facts.below(channel, "serves") and place not in done:
            done.add(place)
            message = f"The loop stops reading once {end} is true: output that is in the buffer then is lost"
            yield facts.finding(HAZARD, message, [facts.step(poll)], objects=[channel])


def _waits_for(read: Operation, poll: Operation) -> bool:
    """Whether it is done by who has joined the thread of a look by then."""
    reader = poll.context.strand
    mine = reader.parent is not None and read.context.strand is reader.parent.strand
    return mine and any(moment < read.moment for moment, _, _ in reader.joins)


def _function_around(tree: ast.Module | None, line: int) -> Scope | None:
    around = [n for n in ast.walk(tree) if isinstance(n, Def) and _spans(n, line)] if tree is not None else []
    return max(around, key=lambda n: n.lineno, default=tree)


def _only_looks(poll: Operation) -> bool:
    """Whether the loop's end asks for the streams too: ``exit_status_ready() and not recv_ready()``."""
    if poll.test is None:
        return False
    looked_at = poll.test.test if isinstance(poll.test, ast.While) else poll.test
    return "_ready" in ast.unparse(looked_at).replace("exit_status_ready", "")


def _ends_its_function_alone(facts: SourceFacts, poll: Operation) -> bool:
    """Whether it makes a function return whose caller takes no notice: the loop around that call goes on."""
    if not poll.trail or not isinstance(poll.test, ast.If) or any(isinstance(n, ast.Raise) for n in poll.test.body):
        return False
    trees = {str(path): module.tree for path, module in facts.world.modules.items()}
    mine, theirs = trees.get(poll.site.file), trees.get(poll.trail[0].file)
    if mine is None or theirs is None:
        return False
    around = [n for n in ast.walk(mine) if _spans(n, poll.site.line)]
    functions = [n for n in around if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    inner = max(functions, key=lambda n: n.lineno, default=None)
    if inner is None or any(isinstance(n, (ast.For, ast.While)) and n.lineno > inner.lineno for n in around):
        return False
    return any(
        isinstance(n, ast.Expr) and isinstance(n.value, ast.Call) and n.value.lineno == poll.trail[0].line
        for n in ast.walk(theirs)
    )


def _spans(node: ast.AST, line: int) -> bool:
    return getattr(node, "lineno", line + 1) <= line <= (getattr(node, "end_lineno", None) or 0)
