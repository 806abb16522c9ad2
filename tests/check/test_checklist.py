"""How an item of the checklist stands, by what speaks for and against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from paramedic.check.checklist import CHECKLIST, Answer, State, answers, next_action
from paramedic.hazards.wait_without_timeout import REPLY_WAIT
from paramedic.model.finding import Confidence, Finding, Site, Step


def stands(
    name: str, seen: Mapping[str, Sequence[str]], findings: Sequence[Finding] = (), runs: Sequence[str] = ()
) -> Answer:
    found = answers({"source": list(findings)}, seen, lambda place: place, runs)
    return next(a for a in found if a.item.name == name)


def against(hazard: str, confidence: Confidence = Confidence.POSSIBLE) -> Finding:
    return Finding(
        hazard=hazard,
        code="PMC000",
        confidence=confidence,
        message="it is so",
        steps=(Step(thread="worker", what="did it", site=Site(file="app.py", line=7, function="main")),),
    )


OPENED = {"connections": ["app.py:3"], "channels": ["app.py:4"]}


@pytest.mark.parametrize(
    ("name", "seen", "state"),
    [
        ("debug-logging", {}, State.NOT_SEEN),
        ("debug-logging", {"debug-logging": ["app.py:1"]}, State.PASS),
        ("thread-dumps", OPENED, State.NOT_SEEN),
        ("not-shared", OPENED, State.NOT_SEEN),
        ("not-shared", {**OPENED, "threads": ["app.py:9"]}, State.PASS),
        # silence proves nothing where something has to be there: nobody closes, nothing has a limit
        ("closed", OPENED, State.NOT_SEEN),
        ("closed", {**OPENED, "closes": ["app.py:5"]}, State.PASS),
        ("timeouts", OPENED, State.NOT_SEEN),
        ("timeouts", {**OPENED, "timeouts": ["app.py:3"]}, State.PASS),
        ("timeouts", {"timeouts": ["app.py:3"]}, State.NOT_SEEN),
    ],
)
def test_an_item_needs_evidence(name: str, seen: Mapping[str, Sequence[str]], state: State) -> None:
    answer = stands(name, seen)
    assert answer.state is state
    assert bool(answer.action) is (state is not State.PASS and not answer.evidence[0].startswith("not needed"))
    assert answer.evidence


def test_what_passes_shows_what_it_stands_on() -> None:
    answer = stands("closed", {**OPENED, "closes": ["app.py:5"]}, runs=["the log"])
    assert any("app.py:5" in line for line in answer.evidence)
    assert "nothing against it in the log" in answer.evidence


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("not-shared", "threads"),
        ("output-read", "commands"),
        ("locks-short", "locks"),
        ("callbacks-quick", "callbacks"),
        ("exceptions-read", "futures"),
        ("bounded", "threads"),
    ],
)
def test_what_is_not_needed_is_told_from_what_could_not_be_seen(name: str, missing: str) -> None:
    idle = stands(name, OPENED)
    assert idle.state is State.NOT_SEEN
    assert idle.evidence[0].startswith("not needed here")
    assert not idle.action
    assert stands(name, {**OPENED, missing: ["app.py:9"]}).state is State.PASS
    # a program of which no call could be followed: nothing is known of it, whatever else it has
    blind = stands(name, {missing: ["app.py:9"]} if missing != "commands" else {})
    assert blind.state is State.NOT_SEEN
    assert "could be followed" in blind.evidence[0]
    assert blind.action


def test_a_timeout_of_exec_command_is_a_note_however_long_it_is() -> None:
    seen = {**OPENED, "timeouts": ["app.py:4"], "exec-timeouts": ["app.py:4"]}
    without = stands("timeouts", seen)
    short = replace(against("wait-without-timeout", Confidence.ADVICE), message=REPLY_WAIT)
    assert stands("timeouts", seen, [short]) == without
    assert without.state is State.PASS
    assert any("does not cover its wait" in line and "app.py:4" in line for line in without.evidence)
    assert stands("timeouts", seen, [against("wait-without-timeout")]).state is State.FAIL


def test_nothing_is_next_where_what_does_not_pass_is_not_needed() -> None:
    found = answers({}, OPENED, lambda place: place)
    assert next_action([a for a in found if a.item.name in {"not-shared", "locks-short"}]) is None


def test_a_finding_speaks_louder_than_what_was_seen() -> None:
    answer = stands("closed", {**OPENED, "closes": ["app.py:5"]}, [against("closed-in-use")])
    assert answer.state is State.FAIL
    assert "app.py:7" in answer.action


def test_what_is_next_is_the_surest_and_heaviest() -> None:
    findings = [against("host-key-not-verified", Confidence.ADVICE), against("shared-channel", Confidence.OBSERVED)]
    found = answers({"source": findings}, OPENED, lambda place: place)
    chosen = next_action(found)
    assert chosen is not None
    assert chosen.item.name == "not-shared"


def test_every_hazard_of_an_item_exists_once() -> None:
    names = [hazard for item in CHECKLIST for hazard in item.hazards]
    assert len(names) == len(set(names))
