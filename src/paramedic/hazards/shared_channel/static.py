"""Seen in source: one stream of a channel that two threads read, write, or hold dialogues on."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.shared_channel import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.model.finding import Finding

_DIRECTIONS = {
    "read:stdout": "read the stdout of",
    "read:stderr": "read the stderr of",
    "write": "write to",
    "request": "make requests on",
}


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Channels of which two threads use the same direction.

    Threads: pure.
    """
    done: set[int] = set()
    for effect, words in _DIRECTIONS.items():
        operations = [o for o in facts.having(effect) if o.obj.kind in {"channel", "stdout", "stderr", "stdin"}]
        for a, b, channel in facts.conflicts(operations, key=facts.channel_of):
            if id(channel) not in done:
                done.add(id(channel))
                yield facts.finding(
                    HAZARD, f"Two threads may {words} the same {facts.name(channel)}", facts.steps_of(a, b),
                    objects=[channel],
                )  # fmt: skip
    yield from _torn(facts, done)
    for a, b, obj in facts.conflicts(facts.having("dialogue")):
        message = f"Two threads may hold dialogues on the same {facts.name(obj)}: their answers mix"
        yield facts.finding(HAZARD, message, facts.steps_of(a, b), objects=[obj])


def _torn(facts: SourceFacts, done: set[int]) -> Iterable[Finding]:
    """Dialogues whose question and whose answer are locked, each by itself."""
    writes = [o for o in facts.having("write") if o.obj.kind in {"channel", "stdin"} and o.locks]
    reads = [o for o in facts.having("read:stdout") if o.obj.kind in {"channel", "stdout"} and o.locks]
    for write, _, channel in facts.conflicts(writes, key=facts.channel_of, locked=True):
        answer = next((o for o in reads if facts.channel(o.obj) is channel and facts.in_order(write, o)), None)
        if answer is None or id(channel) in done or set(write.holds) & set(answer.holds):
            continue
        if facts.concurrent(write, answer, channel) and write.episode == answer.episode:
            done.add(id(channel))
            message = (
                f"The lock is let go between {write.method}() and {facts.called(answer)} on {facts.name(channel)}: "
                "another thread may take the answer"
            )
            steps = [facts.step(write), facts.step(answer)]
            yield facts.finding(HAZARD, message, steps, objects=[channel])
