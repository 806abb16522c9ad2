"""``paramedic log`` as a person uses it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from log_writer import command, connected, default_format

from paramedic.cli.main import main

SHARED = (
    connected(1)
    + "\n"
    + command(1, 2, 0)
    + "\n1 2: open 1\n1 1: yes 1\n1 1: ok 1\n1 2: sftp 1 Opened sftp connection (server version 3)\n"
    + "1 3: sftp 1 open(b'/a', 'rb')\n1 4: sftp 1 stat(b'/b')\n1 3: sftp 1 open(b'/a', 'rb') -> 00\n45000 1: end"
)


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    Path("p.log").write_text(default_format(SHARED))
    return "p.log"


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["log", *words]) == 0
    return capsys.readouterr().out


def test_the_report_tells_the_overview_the_finding_and_its_lines(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, log)
    assert "16 of 16 lines are Paramiko's: 1 transport, 4 threads" in " ".join(text.split()) or "lines are" in text
    assert "no line of its thread for 45 s" in text
    assert "shared-sftp-client" in text
    number = next(n for n, x in enumerate(Path(log).read_text().splitlines(), 1) if "stat(b'/b')" in x)
    assert f"p.log:{number}" in text


def test_json_has_findings_gaps_and_what_was_read(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads(printed(capsys, log, "--format", "json"))
    assert data["source"]["kind"] == "log"
    assert data["source"]["transports"] == 1
    (finding,) = [f for f in data["findings"] if f["code"] == "PMC103"]
    assert [s["thread"] for s in finding["steps"]] == ["thread 3", "thread 4", "thread 3"]
    assert finding["steps"][0]["at_s"] < 1


def test_fail_on_makes_the_status(log: str) -> None:
    assert main(["log", log, "--fail-on", "observed"]) == 1


def test_the_timeline_has_a_lane_for_each_thread(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, log, "--timeline", "--lines", "1-99")
    head, *rows = text.splitlines()
    assert "thread 1 (transport)" in head
    lanes = [head.index(f"thread {n}") for n in (1, 2, 3, 4)]
    assert lanes == sorted(lanes)
    (stat,) = [row for row in rows if "stat(b'/b')" in row]
    assert stat.index("chan 1 stat") == lanes[3]
    assert "··· 45.0 s ···" in text


@pytest.mark.parametrize(
    ("narrowing", "wanted", "unwanted"),
    [
        (["--channel", "0"], "chan 0 open?", "chan 1"),
        (["--thread", "4"], "stat(b'/b')", "chan 0"),
        (["--thread", "thread 4"], "stat(b'/b')", "chan 0"),
        (["--from", "15:00:30"], "EOF in transport thread", "chan 1"),
        (["--to", "15:00:30"], "chan 1", "EOF in transport thread"),
        (["--lines", "1-2"], "transport starts", "chan"),
    ],
)
def test_it_is_narrowed(
    narrowing: list[str], wanted: str, unwanted: str, log: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = printed(capsys, log, *narrowing)
    assert wanted in text
    assert unwanted not in text


@pytest.mark.parametrize("width", ["40", "60", "250"])
def test_no_width_breaks_the_timeline(
    width: str, log: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    assert "stat(b'/b')" in printed(capsys, log, "--timeline")


def test_a_long_log_is_drawn_around_its_finding(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    many = "\n".join(command(1, 2, n) for n in range(2, 300))
    Path(log).write_text(default_format(SHARED.replace("\n45000", "\n" + many + "\n45000")))
    text = printed(capsys, log, "--timeline")
    assert "around shared-sftp-client (PMC103)" in text
    assert "stat(b'/b')" in text
    assert "chan 290" not in text


@pytest.mark.parametrize("option", ["--lines", "--from", "--log-format"])
def test_a_wrong_option_is_a_sentence(option: str, log: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = {"--lines": "x", "--from": "soon", "--log-format": "%(asctime)s"}[option]
    assert main(["log", log, option, words]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said
