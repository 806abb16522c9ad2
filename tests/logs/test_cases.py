"""The real debug logs of the corpus of bugs, where it lies beside this checkout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from paramedic.check.log import NothingOfParamiko, report_of_logs
from paramedic.hazards.catalogue import by_name, lenses_of
from paramedic.model.hazard import Lens

CASES = Path(__file__).parents[3] / "shared" / "cases"
WITH_LOG = sorted(p.parent.name for p in CASES.glob("*/paramiko.log"))

NOT_IN_THE_LOG = {
    "two-readers": "Paramiko logs reads only with ultra_debug; the log is that of one thread that runs one command",
}
"""Cases of a hazard that logs can show, whose own log has nothing of it."""

PROVED = {
    "call-on-transport-thread": {"handler-reenters": "observed", "log-over-ssh": "possible"},
    "closed-in-use": {"closed-under-worker": "observed"},
    "connect-storm": {"connect-storm": "observed"},
    "dropped-channel": {"dropped-pty-channel": "possible"},
    "eof-after-close": {"eof-close-race": "possible"},
    "forked-connection": {"fork-after-connect": "observed"},
    "finalizer-deadlock": {"gc-stdin-cycle": "possible"},
    "global-request-race": {"global-request-race": "observed"},
    "session-limit": {"max-sessions": "observed", "swallowed-errors": "observed"},
    "shared-client-connect": {"shared-client-connect": "observed"},
}
"""What is more than advice. Everything else that a case is about looks in its log as it would in a good run's."""


@pytest.mark.skipif(not WITH_LOG, reason="the corpus of bugs is not beside this checkout (../shared/cases)")
@pytest.mark.parametrize("case", WITH_LOG or ["none"])
def test_the_log_of_a_bad_run_leads_to_its_hazard(case: str) -> None:
    wanted = [by_name(name) for name in json.loads((CASES / case / "case.json").read_text())["hazards"]]
    try:
        findings = report_of_logs([str(CASES / case / "paramiko.log")]).report.findings
    except NothingOfParamiko:
        assert (CASES / case / "paramiko.log").stat().st_size == 0
        return
    found = {f.hazard: str(f.confidence) for f in reversed(findings)}
    for hazard in wanted:
        if Lens.LOG in lenses_of(hazard) and case not in NOT_IN_THE_LOG:
            assert hazard.name in found
    strong = {name: confidence for name, confidence in found.items() if confidence != "advice"}
    assert strong == {h: cases[case] for h, cases in PROVED.items() if case in cases}
