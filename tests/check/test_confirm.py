"""What further runs with delays add to a report: which run and which seed show it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from paramedic.check import confirm
from paramedic.cli import rounds
from paramedic.model.finding import Confidence, Finding, Site, Step
from paramedic.model.report import Report
from paramedic.record.session import Options
from paramedic.trace.layout import SUFFIX


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
        ([], OBSERVED, True, ["Shared (observed in run 2 with --fuzz=1 --seed 9)"]),
        ([], POSSIBLE, True, ["Shared (possible in run 2 with --fuzz=1 --seed 9)"]),
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


def test_what_is_an_advice_for_a_doubt_is_tried_too() -> None:
    doubted = _finding(ADVICE, 3)
    other = _finding(ADVICE, 3, "host-key-not-verified")
    assert confirm.traps_for([doubted]) == [("call", "app.py", 3)]
    assert confirm.traps_for([other]) == []
    (after,) = confirm.confirmed([doubted], [_finding(OBSERVED, 3)], 2, 2)
    assert after.message == "Shared (advice at first, observed in run 2 with --seed 2)"
    assert confirm.given_up([doubted], 1)[0].message == "Shared (not seen in 1 run with delays at these places)"
    assert [f.message for f in confirm.given_up([doubted, other], 5)] == [
        "Shared (not seen in 5 runs with delays at these places)",
        "Shared",
    ]


@pytest.mark.parametrize(
    ("hazard", "trap"),
    [
        ("shared-agent", "sign"),
        ("signal-handler-reenters", "send"),
        ("finalizer-deadlock", "collect"),
        ("pool-starvation", "task"),
    ],
)
def test_what_is_done_at_no_line_of_the_programs(hazard: str, trap: str) -> None:
    assert confirm.traps_for([_finding(POSSIBLE, 3, hazard)]) == [(trap, "", 0)]


@pytest.mark.parametrize(
    ("eof_s", "close_s", "traps"), [(1.0, 2.0, [("eof", 3)]), (2.0, 1.0, [("eof", 3), ("call", 8)])]
)
def test_a_close_is_delayed_where_it_came_first(eof_s: float, close_s: float, traps: list[tuple[str, int]]) -> None:
    eof, close = (_finding(POSSIBLE, line, "eof-after-close") for line in (3, 8))
    steps = [
        dataclasses.replace(eof.steps[0], what="called shutdown_write() on channel 0", at_s=eof_s),
        dataclasses.replace(close.steps[0], what="called close() on channel 0", at_s=close_s),
    ]
    finding = dataclasses.replace(eof, steps=tuple(steps))
    assert [(kind, line) for kind, _, line in confirm.traps_for([finding])] == traps


def test_who_has_both_locks_is_late_for_nobody() -> None:
    found = _finding(POSSIBLE, 3, "lock-order-inversion")
    took = dataclasses.replace(found.steps[0], what="took lock #1")
    other = _finding(POSSIBLE, 4, "lock-order-inversion")
    then = dataclasses.replace(other.steps[0], what="then took lock #2")
    assert confirm.traps_for([dataclasses.replace(found, steps=(took, then))]) == [("lock", "app.py", 3)]


def test_what_is_closed_is_in_use_from_its_first_call_on() -> None:
    used = _finding(POSSIBLE, 3, "closed-in-use")
    closed = dataclasses.replace(used.steps[0], what="called close() on client #1")
    finding = dataclasses.replace(used, steps=(*used.steps, closed))
    assert confirm.traps_for([finding]) == [("call", "app.py", 3), ("within:main", "app.py", 0)]


@pytest.mark.parametrize(("locks", "trap"), [(("lock #1",), ("freed:main", "app.py", 0)), ((), ("call", "app.py", 3))])
def test_what_has_a_lock_is_torn_when_it_is_let_go(locks: tuple[str, ...], trap: confirm.Trap) -> None:
    finding = _finding(POSSIBLE, 3, "shared-sftp-file")
    steps = (dataclasses.replace(finding.steps[0], locks=locks),)
    assert confirm.traps_for([dataclasses.replace(finding, steps=steps)]) == [trap]


def test_a_lock_may_be_let_go_by_whoever_calls() -> None:
    finding = _finding(POSSIBLE, 3, "shared-sftp-cwd")
    outer = Site(file="locked.py", line=9, function="inner")
    step = finding.steps[0]
    step = dataclasses.replace(step, locks=("lock #1",), stack=(*step.stack, outer))
    assert confirm.traps_for([dataclasses.replace(finding, steps=(step,))]) == [
        ("freed:main", "app.py", 0),
        ("freed:inner", "locked.py", 0),
    ]


def test_a_further_run_is_recorded_into_an_empty_folder(tmp_path: Path) -> None:
    stale = (
        tmp_path / "again-1" / f"7-1{SUFFIX}"
    )  # of an earlier `paramedic run --confirm --recording` into this folder
    stale.parent.mkdir()
    stale.write_bytes(b"")
    found: list[list[Path]] = []
    report = Report(source={"kind": "recording"}, findings=())
    rounds.fuzzed(report, Options(directory=str(tmp_path)), 1, 1, lambda _, folder: found.append([*folder.iterdir()]))
    assert found == [[]]


@pytest.mark.parametrize(
    ("at_first", "tries", "seed", "tried"),
    [
        ([], 5, 1, [[5], [5], [5]]),  # most such locks are there to order: it is not tried for long
        ([POSSIBLE], 4, 1, [[3], [3, 5], [3], [3, 5]]),
        ([POSSIBLE], 1, 3, [[3, 5]]),  # to show again what was seen with this seed
        ([OBSERVED], 2, 1, [[5], [5]]),
        ([], 1, 1, [[5]]),
    ],
)
def test_what_only_a_lock_has_ordered_is_tried_and_not_told(
    at_first: list[Confidence], tries: int, seed: int, tried: list[list[int]], tmp_path: Path
) -> None:
    lines: list[list[int]] = []
    report = Report(source={"kind": "recording"}, findings=tuple(_finding(c, 3) for c in at_first))
    after = rounds.confirmed(
        report,
        Options(directory=str(tmp_path)),
        tries,
        seed,
        lambda options, _: lines.append([line for _, _, line in options.traps]),
        [_finding(POSSIBLE, 5)],
    )
    assert lines == tried
    assert [f.site.line for f in after.findings if f.site is not None] == [3] * len(at_first)


def test_what_only_a_lock_has_ordered_is_not_tried_once_it_was_seen() -> None:
    locked = _finding(POSSIBLE, 5)
    assert confirm.was_seen(locked, [_finding(OBSERVED, 5)])
    assert not confirm.was_seen(locked, [_finding(OBSERVED, 3)])
    assert not confirm.was_seen(locked, [_finding(POSSIBLE, 5)])
    assert not confirm.was_seen(locked, [_finding(OBSERVED, 5, "closed-in-use")])


@pytest.mark.parametrize("hazard", ["lock-held-across-io", "blocking-the-event-loop"])
@pytest.mark.parametrize("fuzzing", [False, True])
def test_what_took_so_long_where_we_have_held_it_up_is_not_told(hazard: str, fuzzing: bool) -> None:
    slow = _finding(OBSERVED, 3, hazard)
    assert confirm.confirmed([], [slow], 1, 1, fuzzing) == []
    stuck = dataclasses.replace(slow.steps[0], what="called recv() on channel 1, which had not returned after 6.0 s")
    hung = dataclasses.replace(slow, steps=(*slow.steps, stuck))
    assert len(confirm.confirmed([], [hung], 1, 1, fuzzing)) == 1


def test_another_place_is_another_finding() -> None:
    after = confirm.confirmed([_finding(POSSIBLE, 3)], [_finding(OBSERVED, 8)], 1, 1)
    assert [f.confidence for f in after] == [POSSIBLE, OBSERVED]
