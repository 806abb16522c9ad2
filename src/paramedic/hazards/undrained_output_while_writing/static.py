"""Seen in source: much input written before any output of the same channel is read, in one thread."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from paramedic.hazards.undrained_output_while_writing import HAZARD
from paramedic.lint.contexts import one_after_another
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.lint.shell import answers_little, looks_like_answer
from paramedic.lint.values import Obj, text_of
from paramedic.model.finding import Finding

_SMALL_CHARACTERS = 64_000


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Writes of unknown size whose echo nobody reads meanwhile.

    Threads: pure.
    """
    done: set[int] = set()
    for write in facts.having("write"):
        channel = facts.channel(write.obj)
        if channel is None or id(channel.root) in done or "__exec_command" not in channel.root.parts:
            continue
        reads = facts.below(channel, "read:stdout", "read:stderr")
        later = [o for o in reads if facts.comes_after(write, o) and _takes_much(o, write)]
        if not later or not _may_be_much(write, channel, facts) or _read_meanwhile(facts, write, reads):
            continue
        done.add(id(channel.root))
        message = "Input is written while nobody reads the output: when both windows are full, both sides wait"
        yield facts.finding(HAZARD, message, [facts.step(write), facts.step(later[0])], objects=[channel])


def _takes_much(read: Operation, write: Operation) -> bool:
    """One short recv() takes an acknowledgement, as scp's protocol has them: such peers write little."""
    if read.method not in {"recv", "recv_stderr"}:
        return True
    return bool(set(read.loops) - set(write.loops))


def _may_be_much(write: Operation, channel: Obj, facts: SourceFacts) -> bool:
    if answers_little(facts.command(channel)):
        return False
    looped = any(loop not in channel.loops for loop in write.loops)
    text = text_of(write.args[0]) if write.args else None
    argument = write.call.args[0] if isinstance(write.call, ast.Call) and write.call.args else None
    nothing_known = not text and isinstance(argument, ast.Name | ast.Attribute)  # "".join(of something)
    if text is not None and not nothing_known and not looped and not isinstance(argument, ast.BinOp):
        return len(text) > _SMALL_CHARACTERS
    return argument is None or not looks_like_answer(argument, facts.command(channel), looped=looped)


def _read_meanwhile(facts: SourceFacts, write: Operation, reads: list[Operation]) -> bool:
    inner = write.loops[-1] if write.loops else None
    channel = facts.channel(write.obj)
    own_loop = inner is not None and channel is not None and inner not in channel.loops
    return any(
        (not one_after_another(o.context, write.context) and not facts.comes_after(write, o))
        or (own_loop and inner in o.loops)
        for o in reads
    )
