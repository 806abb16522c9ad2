"""Several threads read, or write, one stream of a channel at the same time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from paramedic.dump.activity import Activity
from paramedic.dump.facts import DumpFacts
from paramedic.dump.story import names, step
from paramedic.dump.waits import Wait
from paramedic.hazards.shared_channel import HAZARD
from paramedic.model.finding import Confidence, Finding

_STREAMS = {Wait.OUTPUT: "stdout is read", Wait.STDERR: "stderr is read", Wait.SEND_WINDOW: "input is written"}

_CALLS = ("recv", "recv_stderr", "read", "readline", "readlines", "send", "sendall", "write")


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding for each stream that two threads are in a call on.

    Threads: as `DumpFacts`.
    """
    by_stream: dict[tuple[str, Wait], list[Activity]] = defaultdict(list)
    by_name: dict[tuple[object, Wait], list[Activity]] = defaultdict(list)
    for activity in facts.others:
        if activity.wait not in _STREAMS or activity.find("sftp_client") or activity.find("sftp"):
            continue
        channel = facts.channel_of(activity)
        if channel is not None:
            by_stream[channel, activity.wait].append(activity)
        elif (name := facts.shared_receiver(activity, *_CALLS)) is not None:
            by_name[name, activity.wait].append(activity)
    for (_, wait), threads in [*by_stream.items()]:
        if len(threads) > 1:
            yield _finding(facts, threads, wait, Confidence.OBSERVED)
    for (_, wait), threads in by_name.items():
        if len(threads) > 1:
            yield _finding(facts, threads, wait, Confidence.POSSIBLE)


def _finding(facts: DumpFacts, threads: list[Activity], wait: Wait, confidence: Confidence) -> Finding:
    return Finding(
        hazard=HAZARD.name,
        code=HAZARD.code,
        confidence=confidence,
        message=f"A channel's {_STREAMS[wait]} by {names(threads)} at the same time: each gets a part of the bytes",
        steps=tuple(step(group) for group in facts.groups(threads)),
        count=1,
    )
