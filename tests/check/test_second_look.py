"""A process that stands still though its recording does not say why: two dumps of it, and what is done with them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from paramedic.analysis.run import RunFacts
from paramedic.check import second_look
from paramedic.check.second_look import MOST, SecondLook
from paramedic.check.told import keep, kept, with_told
from paramedic.dump.live import tools
from paramedic.model.finding import Confidence, Finding, Site, Step

TWO_LOCKS = """
import threading
registry, journal = threading.Lock(), threading.Lock()
both = threading.Barrier(3)

def first():
    with registry:
        both.wait()
        with journal:
            pass

def second():
    with journal:
        both.wait()
        with registry:
            pass

for run in (first, second):
    threading.Thread(target=run).start()
both.wait()
print("ready", flush=True)
"""
WAITS = frozenset({(2, 1000), (3, 1001)})


def finding(hazard: str, confidence: Confidence, *lines: int) -> Finding:
    steps = tuple(
        Step(thread="T", site=Site(file="/app.py", line=line, function="run"), what="waits") for line in lines
    )
    return Finding(hazard=hazard, code="PMC000", confidence=confidence, message=hazard, steps=steps)


@pytest.fixture
def hung(tmp_path: Path) -> Iterator[int]:
    """The id of a process that hangs, and that nobody records."""
    (tmp_path / "app.py").write_text(TWO_LOCKS)
    process = subprocess.Popen([sys.executable, "app.py"], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    try:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        yield process.pid
    finally:
        process.kill()
        process.communicate(timeout=60)


@pytest.mark.skipif(sys.platform != "linux" or not tools().py_spy, reason="py-spy is needed (pip install py-spy)")
def test_what_the_stacks_prove_is_said_after_the_second_dump(hung: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_look, "BETWEEN_S", 0.0)
    look, facts = SecondLook(), RunFacts({}, [], hung)
    assert not look.of(facts, WAITS, 2000)
    found = look.of(facts, WAITS, 3000)
    while not found:  # the threads may only just have come to their locks
        look = SecondLook()
        look.of(facts, WAITS, 2000)
        found = look.of(facts, WAITS, 3000)
    assert [(f.hazard, f.confidence) for f in found] == [("lock-order-inversion", Confidence.OBSERVED)]
    assert {s.line for s in found[0].sites} == {9, 15}
    assert look.of(facts, WAITS, 4000) is found  # and the process is left alone from now on


def test_it_is_looked_at_a_few_times_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    monkeypatch.setattr(second_look, "PAUSE_S", 0.0)
    monkeypatch.setattr(second_look, "take", lambda process, have, pause: taken.append(process))
    monkeypatch.setattr(second_look, "tools", lambda: second_look.Tools(py_spy="py-spy", pystack=""))
    look, facts = SecondLook(), RunFacts({}, [], 7)
    for number in range(100):  # each time others wait
        look.of(facts, frozenset({(2, number)}), 1000 + number)
    assert len(taken) == MOST


def test_without_a_tool_or_a_wait_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_look, "take", lambda *_: pytest.fail("it was looked at"))
    monkeypatch.setattr(second_look, "tools", lambda: second_look.Tools(py_spy="", pystack=""))
    assert not SecondLook().of(RunFacts({}, [], 7), WAITS, 2000)
    monkeypatch.setattr(second_look, "tools", lambda: second_look.Tools(py_spy="py-spy", pystack=""))
    assert not SecondLook().of(RunFacts({}, [], 7), frozenset(), 2000)


def test_what_was_said_is_kept_for_its_owner_but_for_waits_that_may_still_end(tmp_path: Path) -> None:
    told = finding("pool-drained", Confidence.OBSERVED, 3)
    keep(tmp_path, [told, finding("wait-without-timeout", Confidence.OBSERVED, 7)])
    assert kept(tmp_path) == [told]
    assert (tmp_path / "told.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "{}", "3", "[3]", '[{"hazard": 1}]'])
def test_a_file_of_another_kind_tells_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "told.json").write_text(text)
    assert kept(tmp_path) == []


def test_a_wait_that_is_explained_is_no_wait_without_a_timeout() -> None:
    told = finding("pool-drained", Confidence.OBSERVED, 3, 7)
    other = finding("wait-without-timeout", Confidence.OBSERVED, 9)
    recorded = [finding("wait-without-timeout", Confidence.OBSERVED, 3), other]
    assert with_told(recorded, [told]) == [other, told]


def test_nor_is_one_whose_callback_is_what_waits() -> None:
    recorded = finding("wait-without-timeout", Confidence.OBSERVED, 29)
    (put,) = recorded.steps
    told = finding("lock-order-inversion", Confidence.OBSERVED, 40, 32)
    first, second = told.steps
    told = replace(told, steps=(first, replace(second, stack=tuple(s.site for s in (second, put) if s.site))))
    assert with_told([recorded], [told]) == [told]
    other = replace(recorded, steps=(replace(put, thread="another"),))
    assert with_told([other], [told]) == [other, told]


def test_what_the_recording_tells_itself_is_not_told_twice() -> None:
    told = finding("pool-drained", Confidence.OBSERVED, 3, 7)
    better = finding("lock-order-inversion", Confidence.OBSERVED, 3, 7, 12)
    assert with_told([better], [told]) == [better]
    other = finding("closed-in-use", Confidence.OBSERVED, 7, 12)
    assert with_told([other], [told]) == [other, told]
    same = finding("pool-drained", Confidence.POSSIBLE, 3)
    assert with_told([same], [told]) == [same]
    nowhere = finding("closed-in-use", Confidence.OBSERVED)
    assert with_told([other], [nowhere]) == [other]
    assert with_told([same], [nowhere]) == [same, nowhere]
    elsewhere = replace(nowhere, process=7)
    assert with_told([other], [elsewhere]) == [other, elsewhere]
