"""Much output is read in a slow way."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.slow_read import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Large outputs that were read line by line or with read().

    Threads: pure.
    """
    story = Story(facts)
    for reading in facts.states.readings.values():
        if reading.read_bytes < LARGE_BYTES or reading.call.method not in ("read", "readline", "readlines"):
            continue
        how = "line by line" if reading.call.method == "readline" else f"with {reading.call.method}()"
        message = (
            f"{reading.read_bytes / 1e6:.0f} MB of output were read {how}: recv() in a loop costs a fraction of the CPU"
        )
        yield story.finding(
            HAZARD, Confidence.ADVICE, message, [story.call(reading.call)], [reading.call.obj], reading.calls
        )


LARGE_BYTES = 10_000_000
