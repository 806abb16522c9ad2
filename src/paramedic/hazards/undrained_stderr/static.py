"""Seen in source: one stream read to its end, then the other, in one thread."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.undrained_stderr import HAZARD
from paramedic.lint.contexts import one_after_another
from paramedic.lint.facts import SourceFacts, values_in
from paramedic.lint.operations import Operation
from paramedic.lint.shell import is_quiet, merges_streams
from paramedic.lint.values import Obj
from paramedic.model.finding import Confidence, Finding, Step

_STREAMS = frozenset({"read:stdout", "read:stderr"})
_Beginnings = dict[int, list[tuple[Operation, list[Obj]]]]


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Channels whose second stream is read only after the end of the first; or, as advice, never.

    Threads: pure.
    """
    done: set[tuple[str, int]] = set()
    beginnings = _beginnings(facts)
    for first in [*facts.having("whole"), *_recv_loops(facts)]:
        channel = facts.channel(first.obj)
        if channel is None or facts.combined(channel, first) or first.obj.kind == "sftpfile":
            continue
        other = "read:stderr" if first.has("read:stdout") else "read:stdout"
        later = [o for o in facts.below(channel, other) if facts.comes_after(first, o)]
        place = (first.site.file, first.site.line)
        if place in done or _kept_small(facts, channel, first, other):
            continue
        if not later:
            if (
                first.has("whole")
                and first.has("read:stdout")
                and not facts.below(channel, other)
                and _is_its_own(facts, beginnings, channel, first)
            ):
                done.add(place)
                message = (
                    "stdout is read to its end and stderr never: more of it than the window holds stops the command"
                )
                steps = [facts.step(first)]
                yield facts.finding(HAZARD, message, steps, confidence=Confidence.ADVICE, objects=[channel])
            continue
        done.add(place)
        names = ("stdout", "stderr") if first.has("read:stdout") else ("stderr", "stdout")
        message = f"{names[0]} is read to its end before {names[1]}: both share one window, which {names[1]} can fill"
        yield facts.finding(HAZARD, message, _told(facts, first, later[0], names), objects=[channel])


def _told(facts: SourceFacts, first: Operation, second: Operation, names: tuple[str, str]) -> list[Step]:
    """The two reads; where one line of a helper does both, also the lines that call it."""
    if first.site != second.site:
        return [facts.step(first), facts.step(second)]
    for one, two in zip(first.trail, second.trail, strict=False):
        if one != two:
            calls = ((one, names[0]), (two, names[1]))
            return [facts.step(first), *(facts.step_at(site, f"calls it for {name}") for site, name in calls)]
    deeds = ((first, names[0]), (second, names[1]))
    return [facts.step(o, f"calls {facts.called(o)} for {name}") for o, name in deeds]


def _recv_loops(facts: SourceFacts) -> Iterable[Operation]:
    """Calls of recv() that a loop repeats, with nothing else of the channel in it: until one stream has ended."""
    for read in facts.having("read:stdout", "read:stderr", kinds={"channel"}):
        again = any(o.moment > read.moment for o in facts.below(read.obj, *_STREAMS & read.effects) if o is not read)
        own = set(read.loops) - set(read.obj.loops) - set(read.context.loops)
        if own and not again and "__exec_command" in read.obj.root.parts and not facts.is_there(read):
            if not any(own & set(o.loops) and o is not read for o in facts.below(read.obj) if o.effects):
                yield read


def _is_its_own(facts: SourceFacts, beginnings: _Beginnings, channel: Obj, read: Operation) -> bool:
    """Whether the function that reads also began the command, and hands its streams to nobody."""
    for begun, streams in beginnings.get(id(channel.root), ()):
        if begun.site.function == read.site.function and begun.site.file == read.site.file:
            return not any(facts.passed_on(one) for one in (channel, *streams))
    return False


def _beginnings(facts: SourceFacts) -> _Beginnings:
    """By channel, the calls that began a command on it, each with the streams that it gave."""
    found: _Beginnings = {}
    for begun in facts.having("request"):
        streams = [v for v in values_in(begun.result) if isinstance(v, Obj)]
        channels = [facts.channel(s) for s in streams]
        for root in {id(begun.obj.root), *(id(c) for c in channels if c is not None)}:
            found.setdefault(root, []).append((begun, streams))
    return found


def _kept_small(facts: SourceFacts, channel: Obj, first: Operation, other: str) -> bool:
    command = facts.command(channel)
    if merges_streams(command) or is_quiet(command, facts.command_is_known(channel)):
        return True
    if any(facts.in_order(o, first) for o in facts.below(channel, "status", "poll-status")):
        return True  # the process has ended: it does not wait for room any more
    reads = facts.below(channel, other)
    # Read by another thread meanwhile, or emptied before: then nothing is left that could fill the window.
    return any(
        facts.in_order(o, first)
        or (not one_after_another(o.context, first.context) and not facts.comes_after(first, o))
        for o in reads
    )
