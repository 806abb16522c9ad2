"""What further runs with delays add to a report: which run and which seed show it."""

from __future__ import annotations

import pytest

from paramedic.check import confirm
from paramedic.model.finding import Confidence, Finding, Site, Step


def _finding(confidence: Confidence, line: int, hazard: str = "shared-sftp-client") -> Finding:
    site = Site(file="app.py", line=line, function="main")
    step = Step(thread="MainThread", site=site, what="called stat()", stack=(site,))
    return Finding(hazard=hazard, code="PMC103", confidence=confidence, message="Shared", steps=(step,))


POSSIBLE, OBSERVED, ADVICE = Confidence.POSSIBLE, Confidence.OBSERVED, Confidence.ADVICE


@pytest.mark.parametrize(
    ("at_first", "again", "fuzzing", "expected"),
    [
        ([POSSIBLE], OBSERVED, False, ["Shared (possible at first, observed in run 2 with --seed 9)"]),
        ([POSSIBLE], POSSIBLE, True, ["Shared"]),
        ([OBSERVED], OBSERVED, True, ["Shared"]),
        ([], OBSERVED, False, ["Shared (observed in run 2 with --seed 9)"]),
        ([], OBSERVED, True, ["Shared (observed in run 2 with --seed 9)"]),
        ([], POSSIBLE, True, ["Shared (possible in run 2 with --seed 9)"]),
        ([], POSSIBLE, False, []),
        ([], ADVICE, True, []),
    ],
)
def test_what_a_further_run_adds(
    at_first: list[Confidence], again: Confidence, fuzzing: bool, expected: list[str]
) -> None:
    before = [_finding(confidence, 3) for confidence in at_first]
    after = confirm.confirmed(before, [_finding(again, 3)], 9, 2, fuzzing)
    assert [f.message for f in after] == expected


def test_another_place_is_another_finding() -> None:
    after = confirm.confirmed([_finding(POSSIBLE, 3)], [_finding(OBSERVED, 8)], 1, 1)
    assert [f.confidence for f in after] == [POSSIBLE, OBSERVED]
