"""A thread reads one stream to its end while the other fills the window."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.channels import LARGE_BYTES, Stall
from paramedic.analysis.practice import InTurn
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.undrained_stderr import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Reads of one stream that the other stream, unread, made impossible to end, or would have if it were longer.

    Threads: pure.
    """
    story = Story(facts)
    for stuck in facts.channels.stuck():
        if stuck.stall is not Stall.OTHER_STREAM:
            continue
        thread = facts.world.thread_name(stuck.call.thread)
        read, unread, size = ("stdout", "stderr", stuck.unread_err) if stuck.unread_err > stuck.unread_out else (
            "stderr", "stdout", stuck.unread_out,
        )  # fmt: skip
        message = (
            f"{thread} waited for {read} of {facts.world.name(stuck.channel)} while {size:,} bytes of its "
            f"{unread} were unread: "
            f"the window of {stuck.window_bytes:,} bytes, which both share, is used up"
        )
        yield story.finding(
            HAZARD, Confidence.OBSERVED, message, [story.call(stuck.call)], [stuck.channel], stuck.count
        )
    safe = facts.states.safe  # there, the streams do not wait for each other
    in_turn = [t for t in facts.practice.in_turn.values() if t.transport not in safe]
    for turns in ([t for t in in_turn if (t.unread >= LARGE_BYTES) is large] for large in (True, False)):
        if turns:
            yield _in_turn(story, sorted(turns, key=lambda t: -t.count))
    habits = sorted((h for h in facts.practice.unread_errors() if h.transport not in safe), key=lambda h: -h.count)
    if habits:
        count = sum(h.count for h in habits)
        message = (
            f"The stdout of {count} command{'s' if count > 1 else ''} was read to its end, and stderr never: more of "
            "it than the window holds would stop the command"
        )
        steps = [story.call(h.call) for h in habits[:3]]
        yield story.finding(HAZARD, Confidence.ADVICE, message, steps, [habits[0].call.obj], count)


def _in_turn(story: Story, turns: list[InTurn]) -> Finding:
    count, worst = sum(t.count for t in turns), max(turns, key=lambda t: t.unread)
    commands = f"each of {count} commands" if count > 1 else "a command"
    readers = story.threads(set().union(*(t.threads for t in turns)))
    message = (
        f"{readers} read one stream of {commands} to its end, and only then the other, of which "
        f"{'up to ' if count > 1 else ''}{worst.unread:,} bytes had come meanwhile: had they been more "
        f"than the window of {worst.window_bytes:,} bytes, which both share, neither would have ended"
    )
    steps = [story.call(call) for t in turns[:2] for call in (t.first, t.second)]
    confidence = Confidence.POSSIBLE if worst.unread >= LARGE_BYTES else Confidence.ADVICE
    return story.finding(HAZARD, confidence, message, steps, [turns[0].first.obj], count)
