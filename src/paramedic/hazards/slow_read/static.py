"""Seen in source: output read line by line through Paramiko's slow file object."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.slow_read import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.model.finding import Confidence, Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Iteration over a channel's file, or readline() in a loop; it only matters from some megabytes on.

    Threads: pure.
    """
    done: set[tuple[str, int]] = set()
    lines = [o for o in facts.having("file") if o.method == "readline" and (o.has("whole") or o.loops != o.obj.loops)]
    for read in [*facts.having("stream"), *lines]:
        place = (read.site.file, read.site.line)
        if read.obj.kind in {"stdout", "stderr"} and place not in done:
            done.add(place)
            message = f"Reading {read.obj.kind} line by line costs about twelve times the CPU of channel.recv(65536)"
            yield facts.finding(HAZARD, message, [facts.step(read)], confidence=Confidence.ADVICE, objects=[read.obj])
