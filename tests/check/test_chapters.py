"""What is new in a chapter of a recording, and what was told in an earlier one."""

from __future__ import annotations

import pytest

from paramedic.check.chapters import newer
from paramedic.model.finding import Confidence, Finding, Site, Step


def _finding(lines: list[int], count: int = 1, at_s: float = 1.0, hazard: str = "session-limit") -> Finding:
    sites = [Site(file="app.py", line=line, function="main") for line in lines]
    steps = tuple(Step(thread="MainThread", site=site, what="did it", stack=(site,), at_s=at_s) for site in sites)
    return Finding(
        hazard=hazard, code="PMC401", confidence=Confidence.OBSERVED, message="Story", steps=steps, count=count
    )


@pytest.mark.parametrize(
    ("before", "now", "is_new"),
    [
        (_finding([3]), _finding([3]), False),
        (_finding([3]), _finding([3], count=2), True),
        (_finding([3]), _finding([3], at_s=6.0), True),
        (_finding([3, 4]), _finding([3]), False),
        (_finding([3]), _finding([3, 4]), False),
        (_finding([3, 4]), _finding([3], count=2), True),
        (_finding([3]), _finding([4]), True),
        (_finding([3]), _finding([3], hazard="slow-read"), True),
    ],
    ids=["again", "once more", "later", "a step is gone", "a step more", "gone, but once more", "elsewhere", "another"],
)
def test_what_is_new_after_five_seconds(before: Finding, now: Finding, is_new: bool) -> None:
    assert newer([before], [now], 5_000_000_000) == ([now] if is_new else [])
