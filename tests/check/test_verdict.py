"""Merging equal stories, their order, and when a run fails."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from paramedic.check.configuration import Configuration
from paramedic.check.merging import merged
from paramedic.check.verdict import judge
from paramedic.model.finding import Confidence, Finding, Site, Step
from paramedic.model.report import Report


def story(
    *lines: int, hazard: str = "shared-channel", confidence: Confidence = Confidence.POSSIBLE, thread: str = "t"
) -> Finding:
    """A finding whose steps are at these lines."""
    codes = {"shared-channel": "PMC102", "shared-client-connect": "PMC101", "session-limit": "PMC401"}
    return Finding(
        hazard=hazard,
        code=codes[hazard],
        confidence=confidence,
        message=f"{thread} did it",
        steps=tuple(Step(thread=f"{thread}{n}", what="x", site=Site(file="a.py", line=n)) for n in lines),
    )


def test_the_same_story_is_told_once_whoever_played_it() -> None:
    told = merged(
        [story(1, 2, thread="a"), story(2, 1, thread="b"), replace(story(1, 2, thread="c"), count=5, process=7)]
    )
    assert [(f.message, f.count) for f in told] == [("a did it", 7)]


def test_the_strongest_of_equal_stories_is_told() -> None:
    told = merged([story(1, thread="weak"), story(1, thread="strong", confidence=Confidence.OBSERVED)])
    assert [(f.message, f.confidence, f.count) for f in told] == [("strong did it", Confidence.OBSERVED, 2)]


DIFFERENT = {
    "other lines": (story(1, 2), story(1, 3)),
    "one line more": (story(1), story(1, 2)),
    "another hazard": (story(1), story(1, hazard="session-limit")),
    "no lines, other words": (story(thread="a"), story(thread="b")),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_stories_stay_apart(name: str) -> None:
    assert len(merged(DIFFERENT[name])) == 2


def test_no_lines_and_the_same_words_are_one_story() -> None:
    assert [f.count for f in merged([story(), story()])] == [2]


def test_the_strongest_come_first_then_by_code_then_by_place() -> None:
    expected = [
        story(9, confidence=Confidence.OBSERVED),
        story(5, hazard="session-limit", confidence=Confidence.OBSERVED),
        story(7, hazard="shared-client-connect"),
        story(2),
        story(3),
        story(1, confidence=Confidence.ADVICE),
    ]
    shuffled = list(expected)
    for seed in range(5):
        random.Random(seed).shuffle(shuffled)
        assert list(merged(shuffled)) == expected


C = Confidence
LIMITS = [
    # found, on the command line, in pyproject.toml, fails
    (C.OBSERVED, None, None, False),
    (C.OBSERVED, C.OBSERVED, None, True),
    (C.POSSIBLE, C.OBSERVED, None, False),
    (C.POSSIBLE, C.POSSIBLE, None, True),
    (C.ADVICE, C.POSSIBLE, None, False),
    (C.ADVICE, C.ADVICE, None, True),
    (C.POSSIBLE, None, C.POSSIBLE, True),
    (C.POSSIBLE, C.OBSERVED, C.ADVICE, False),
    (None, C.ADVICE, C.ADVICE, False),
]


@pytest.mark.parametrize(("found", "asked", "configured", "fails"), LIMITS)
def test_when_a_run_fails(
    found: Confidence | None, asked: Confidence | None, configured: Confidence | None, fails: bool
) -> None:
    findings = () if found is None else (story(1, confidence=found),)
    verdict = judge(Report(source={}, findings=findings), Configuration(fail_on=configured), fail_on=asked)
    assert (verdict.failed, verdict.status) == (fails, int(fails))


def test_a_suppressed_finding_does_not_fail_a_run(tmp_path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "a.py"
    file.write_text("x = 1  # paramedic: allow[PMC102] looked at\n")
    finding = replace(story(1), steps=(Step(thread="t", what="x", site=Site(file=str(file), line=1)),))
    verdict = judge(Report(source={}, findings=(finding,) * 3), Configuration(), fail_on=Confidence.ADVICE)
    assert not verdict.failed
    assert [(f.count, reason) for f, reason in verdict.report.suppressed] == [(3, "looked at")]
