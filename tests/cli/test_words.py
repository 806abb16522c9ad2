"""`paramedic explain` and `paramedic hazards`: the subject, for people and machines."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from paramedic.cli.main import main
from paramedic.hazards.catalogue import CATALOGUE


@pytest.mark.parametrize("name", ["shared-channel", "PMC102", "pmc102", "Shared_Channel"])
def test_a_page_by_any_of_its_names(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", name]) == 0
    page = capsys.readouterr().out
    assert page.startswith("# shared-channel (PMC102)\n") and "## After" in page


def test_every_hazard_can_be_explained(capsys: pytest.CaptureFixture[str]) -> None:
    for hazard in CATALOGUE:
        assert main(["explain", hazard.code]) == 0
        shown = capsys.readouterr().out
        assert shown.startswith(f"# {hazard.name} ({hazard.code})")


def test_a_name_that_is_nearly_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "shared-chanel"]) == 2
    assert "Did you mean shared-channel" in capsys.readouterr().err


def test_the_table_names_every_hazard(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hazards"]) == 0
    shown = capsys.readouterr().out
    assert all(h.name in shown and h.code in shown for h in CATALOGUE)
    assert max(map(len, shown.splitlines())) <= 80


def test_one_family(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hazards", "--family", "limits"]) == 0
    shown = capsys.readouterr().out
    assert "session-limit" in shown and "shared-channel" not in shown


def test_the_table_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hazards", "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["schema"] == 1
    assert [h["code"] for h in data["hazards"]] == [h.code for h in CATALOGUE]
    assert set(data["hazards"][0]) >= {"code", "name", "family", "summary", "symptom", "why", "fix", "lenses"}


def test_the_lab_serves_until_ctrl_c() -> None:
    process = subprocess.Popen([sys.executable, "-m", "paramedic", "lab"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("SSH on 127.0.0.1 port ")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait(30)


def test_the_lab_serves_nobody_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "--address", "192.0.2.1"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("paramedic: ") and "loopback" in told
