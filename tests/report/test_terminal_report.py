"""The report for people, as text: what a reader finds where."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from paramedic.model.finding import Confidence, Edit, Finding, Site, Step
from paramedic.model.hazard import Family, Hazard
from paramedic.model.report import Gap, Report
from paramedic.report.excerpt import LARGEST_BYTES, Excerpts, shown_path
from paramedic.report.terminal import report_text, write_report

HAZARD = Hazard(
    code="PMC103",
    name="shared-sftp-client",
    family=Family.SHARING,
    summary="two threads call one SFTPClient",
    symptom="Garbage packet received, or a hang",
    why="SFTPClient._read_response (sftp_client.py) reads whatever reply comes next",
    fix="Open an SFTP client for each thread",
    safe="ClientPool.sftp",
    upstream=("https://github.com/paramiko/paramiko/issues/1", "https://github.com/paramiko/paramiko/issues/2"),
)
HAZARDS = {HAZARD.name: HAZARD}


@pytest.fixture
def deploy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of the user's, in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "deploy.py"
    path.write_text("import paramiko\n\ndef upload(sftp):\n\tsftp.stat('a')\n\ndef main():\n    upload(None)\n")
    return path


def race(deploy: Path) -> Finding:
    """Two threads in one SFTP client."""
    site = Site(file=str(deploy), line=4, function="upload")
    return Finding(
        hazard="shared-sftp-client",
        code="PMC103",
        confidence=Confidence.OBSERVED,
        message="SFTP client #1 to web1 was used by worker-1 and worker-2 at the same time",
        steps=(
            Step(
                thread="worker-1",
                what="called stat() on SFTP client #1",
                site=site,
                stack=(site, Site(file=str(deploy), line=7, function="main")),
                locks=("lock made at deploy.py:1",),
                at_s=0.25,
            ),
            Step(thread="worker-2", what="called stat() on SFTP client #1", site=site, at_s=0.5),
        ),
        count=2,
    )


STORY = """\
────────────────────────────────────────────────────────────────────────────────
PMC103 shared-sftp-client                                      observed, 2 times
SFTP client #1 to web1 was used by worker-1 and worker-2 at the same time

  1. worker-1 called stat() on SFTP client #1                           +0.250 s
     deploy.py:4 in upload
       4 │ sftp.stat('a')
     called from deploy.py:7 in main
     holding lock made at deploy.py:1

  2. worker-2 called stat() on SFTP client #1                           +0.500 s
     deploy.py:4 in upload
       4 │ sftp.stat('a')

  Why             SFTPClient._read_response (sftp_client.py) reads whatever
                  reply comes next
  When it strikes Garbage packet received, or a hang
  Fix             Open an SFTP client for each thread
  Cure            paramedic.safe.ClientPool.sftp
  More            paramedic explain shared-sftp-client
                  https://github.com/paramiko/paramiko/issues/1
                  https://github.com/paramiko/paramiko/issues/2

────────────────────────────────────────────────────────────────────────────────
Summary
  observed  PMC103 shared-sftp-client  2×  deploy.py:4

Not seen    old rows were dropped (3 times)
Note        deploy.py:4: no reason
1 finding: 1 observed.
Again: paramedic check here
1 finding was suppressed.
"""


def test_a_finding_is_a_story(deploy: Path) -> None:
    finding = race(deploy)
    report = Report(
        source={"kind": "run"},
        findings=(finding,),
        suppressed=((finding, "known"),),
        gaps=(Gap(reason="dropped", detail="old rows were dropped", count=3),),
    )
    text = report_text(report, HAZARDS, warnings=["deploy.py:4: no reason"], again="paramedic check here")
    assert text == STORY


@pytest.mark.parametrize("suppressed", [0, 1, 2])
def test_the_last_line_always_says_how_many_were_suppressed(deploy: Path, suppressed: int) -> None:
    for findings in ((), (race(deploy),)):
        report = Report(source={}, findings=findings, suppressed=((race(deploy), "r"),) * suppressed)
        last = report_text(report, HAZARDS, again="x").splitlines()[-1]
        assert last == f"{suppressed} {'finding was' if suppressed == 1 else 'findings were'} suppressed."


def test_nothing_found_is_said() -> None:
    dumped = {"kind": "dump", "processes": [17]}  # a dump's are numbers, a recording's say what was imported
    for source in ({}, dumped, {"kind": "recording", "processes": [{"paramiko": ""}, {"paramiko": "5.1.0"}]}):
        assert report_text(Report(source=source, findings=()), {}).splitlines()[0] == "Paramedic found nothing."


def test_many_gaps_of_one_kind_are_not_told_one_by_one() -> None:
    many = tuple(Gap(reason="unreadable", detail=f"file {n} cannot be read") for n in range(1000))
    few = tuple(Gap(reason="cut-off", detail=f"file {n} ends early") for n in range(5))
    text = report_text(Report(source={}, findings=(), gaps=(*many, *few)), {})
    assert text.count("cannot be read") == 3
    assert "997 more of this kind (unreadable)" in text
    assert text.count("ends early") == 5


def test_of_a_part_it_is_not_said_that_paramiko_was_never_imported() -> None:
    source = {"kind": "recording", "processes": [{"paramiko": ""}]}
    for reason in ("chunk-dropped", "cut-off", "disk-full", "info"):
        text = report_text(Report(source=source, findings=(), gaps=(Gap(reason=reason, detail="…"),)), {})
        assert ("no process that was recorded imported Paramiko" in text) == (reason == "info")
        assert ("Paramedic found nothing in what was kept." in text) == (reason != "info")


def test_the_findings_own_words_come_before_the_hazards(deploy: Path) -> None:
    finding = replace(race(deploy), why="my why", symptom="my symptom", fix="my fix", upstream=("https://mine",))
    text = report_text(Report(source={}, findings=(finding,)), HAZARDS)
    assert "  Why             my why" in text
    assert "  When it strikes my symptom" in text
    assert "  Fix             my fix" in text
    assert "https://mine" in text and "issues/1" not in text


def test_what_was_said_is_not_said_again(deploy: Path) -> None:
    other = replace(race(deploy), message="and again", steps=(), count=1)
    text = report_text(Report(source={}, findings=(race(deploy), other)), HAZARDS)
    assert text.count("reads whatever") == text.count("Garbage") == text.count("paramedic explain") == 1
    assert "\nand again\n\n  Fix             as above, for PMC103\n\n───" in text


def test_the_process_is_told_where_there_are_several(deploy: Path) -> None:
    one, two = replace(race(deploy), process=7), replace(race(deploy), process=8)
    assert "process" not in report_text(Report(source={}, findings=(one, one)), HAZARDS)
    assert "observed, process 7, 2 times\n" in report_text(Report(source={}, findings=(one, two)), HAZARDS)


def test_a_snippet_keeps_its_lines(deploy: Path) -> None:
    fix = "Take a lock:\n\n    with lock:\n        sftp.stat(path)\n\nand keep it short."
    text = report_text(Report(source={}, findings=(replace(race(deploy), fix=fix),)), HAZARDS)
    shown = text[text.index("  Fix") :].splitlines()[:4]
    assert [row.removeprefix("  Fix").strip() for row in shown] == [
        "Take a lock:",
        "with lock:",
        "sftp.stat(path)",
        "and keep it short.",
    ]
    assert [len(row) - len(row.lstrip()) for row in shown[1:]] == [22, 26, 18]


def test_edits_are_a_small_diff(deploy: Path) -> None:
    edit = Edit(file=str(deploy), first_line=4, last_line=4, text="    with lock:\n        sftp.stat('a')\n", safe=True)
    added = Edit(file=str(deploy), first_line=2, last_line=1, text="import threading\n", safe=True)
    text = report_text(Report(source={}, findings=(replace(race(deploy), edits=(edit, added)),)), HAZARDS)
    at = text.index("                  deploy.py\n")
    assert text[at:].splitlines()[:5] == [
        "                  deploy.py",
        "                     2 + import threading",
        "                     4 -     sftp.stat('a')",
        "                     4 +     with lock:",
        "                     5 +         sftp.stat('a')",
    ]


def test_the_change_of_typical_code_is_shown_once_where_the_words_are_the_hazards(deploy: Path) -> None:
    hazard = replace(HAZARD, change="- sftp.stat(path)\n+ with lock:\n+     sftp.stat(path)\n")
    other = replace(race(deploy), message="and again", count=1)
    text = report_text(Report(source={}, findings=(race(deploy), other)), {hazard.name: hazard})
    shown = (
        "thread\n                  - sftp.stat(path)\n                  + with lock:\n                  +     sftp.stat"
    )
    assert text.count(shown) == text.count("+ with lock:") == 1
    mine = replace(race(deploy), fix="something else")
    assert "with lock" not in report_text(Report(source={}, findings=(mine,)), {hazard.name: hazard})


def test_a_hazard_of_another_version_is_still_told(deploy: Path) -> None:
    text = report_text(Report(source={}, findings=(replace(race(deploy), hazard="from-the-future"),)), HAZARDS)
    assert "from-the-future" in text and "paramedic explain" not in text


def test_a_packages_frames_are_on_the_way_and_not_the_callers(deploy: Path) -> None:
    step = race(deploy).steps[0]
    inner = tuple(Site(file="/v/site-packages/netmiko/channel.py", line=n, function="write") for n in (72, 602))
    text = report_text(
        Report(source={}, findings=(replace(race(deploy), steps=(replace(step, stack=(*inner, *step.stack)),)),)),
        HAZARDS,
    )
    way = next(ln for ln in text.splitlines() if "by way of" in ln)
    assert "channel.py:72 in write" in way and "2 frames deeper" in way
    assert "called from deploy.py:7 in main" in text and "channel.py:602" not in text


def test_a_deep_recursion_is_told_once(deploy: Path) -> None:
    stack = tuple(Site(file="r.py", line=1 + n % 2, function="f") for n in range(900))
    wide = tuple(Site(file="w.py", line=n, function="g") for n in range(1, 30))
    step = replace(race(deploy).steps[0], stack=stack + wide)
    text = report_text(Report(source={}, findings=(replace(race(deploy), steps=(step,)),)), HAZARDS)
    assert text.count("r.py:") == 2
    assert "and 23 more frames" in text


HOSTILE = "\x1b[31mred\x1b]0;title\x07 \u202eoverride\u2066 [bold]markup[/bold] [/] :smile: \r\n\x9b5m \ud800 \u2028end"


def test_nothing_that_a_terminal_obeys_gets_through(deploy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = deploy.parent / "\x1b[7mevil[red].py"
    file.write_text("x = '\x1b[31m[bold]'\n")
    finding = Finding(
        hazard=HOSTILE,
        code=HOSTILE,
        confidence=Confidence.POSSIBLE,
        message=HOSTILE,
        steps=(
            Step(
                thread=HOSTILE,
                what=HOSTILE,
                site=Site(file=str(file), line=1, function=HOSTILE),
                stack=(Site(file=HOSTILE, line=1, function=HOSTILE),),
                locks=(HOSTILE,),
            ),
        ),
        why=HOSTILE,
        symptom=HOSTILE,
        fix=HOSTILE,
        upstream=(HOSTILE,),
        edits=(Edit(file=HOSTILE, first_line=1, last_line=1, text=HOSTILE, safe=False),),
    )
    report = Report(
        source={}, findings=(finding,), suppressed=((finding, HOSTILE),), gaps=(Gap(reason=HOSTILE, detail=HOSTILE),)
    )
    text = report_text(report, {}, warnings=[HOSTILE], again=HOSTILE)
    forbidden = {c for c in text if (ord(c) < 32 and c != "\n") or 0x7F <= ord(c) <= 0x9F or c in "\u202e\u2066\u2028"}
    assert forbidden == set()
    assert not any(0xD800 <= ord(c) <= 0xDFFF for c in text)
    assert "[bold]markup[/bold] [/] :smile:" in text  # no markup language is applied

    # The same at a terminal that wants colours: only our own colours are there.
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    screen = Screen()
    write_report(report, {}, screen, warnings=[HOSTILE], again=HOSTILE)
    assert "\x1b[" in screen.getvalue()
    assert "\x1b]" not in screen.getvalue() and "\x9b" not in screen.getvalue() and "\x1b[7m" not in screen.getvalue()


class Screen(io.StringIO):
    """A terminal, as far as anybody asks."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_no_color_is_obeyed(deploy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    screen = Screen()
    write_report(Report(source={}, findings=(race(deploy),)), HAZARDS, screen)
    for colour in ("\x1b[31m", "\x1b[34m", "\x1b[1;31m"):
        assert colour not in screen.getvalue()


def test_a_pipe_gets_plain_text_of_80_columns_with_whole_paths(deploy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    long = deploy.parent / ("very-long-folder-name-" * 5) / "app.py"
    long.parent.mkdir()
    long.write_text("x = 1\n" * 3 + "y = '" + "z" * 5000 + "'\n")
    finding = replace(
        race(deploy),
        message=f"lock made at {long}:4 " + "and a rather long sentence " * 5,
        steps=(Step(thread="t", what="did it", site=Site(file=str(long), line=4)),),
    )
    pipe = io.StringIO()
    write_report(Report(source={}, findings=(finding,)), HAZARDS, pipe)
    text = pipe.getvalue()
    assert "\x1b" not in text
    shown = shown_path(str(long))
    assert f"{shown}:4" in text
    assert [row for row in text.splitlines() if len(row) > 80 and shown not in row and str(long) not in row] == []


def test_an_ascii_stream_gets_ascii(deploy: Path) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    write_report(Report(source={}, findings=(replace(race(deploy), message="naïve ☃"),)), HAZARDS, stream)
    text = raw.getvalue().decode("ascii")
    assert "na\\xefve \\u2603" in text and "4 | sftp" in text and "2x" in text


SOURCES = {
    "latin-1 with a cookie": (b"# -*- coding: latin-1 -*-\nx = '\xe9'\n", "x = 'é'"),
    "a byte order mark": (b"\xef\xbb\xbf#\nx = '\xc3\xa9'\n", "x = 'é'"),
    "bytes that are no text": (b"#\nx = '\xff\xfe'\n", "x = '��'"),
    "an unknown encoding": (b"# coding: klingon\nx = 1\n", "x = 1"),
    "tabs inside": (b"#\n\t\tx\t= 1\n", "x   = 1"),
    "form feeds are no line ends": (b"#\x0c\x0b\nx = 1\n", "x = 1"),
    "carriage returns": (b"#\r\nx = 1\r\n", "x = 1"),
    "a short file": (b"#", ""),
    "an empty file": (b"", ""),
    "control characters": (b"#\nx = '\x1b[0m'\n", "x = '\\x1b[0m'"),
}


@pytest.mark.parametrize("name", SOURCES)
def test_source_lines_of_all_kinds(tmp_path: Path, name: str) -> None:
    data, expected = SOURCES[name]
    file = tmp_path / "a.py"
    file.write_bytes(data)
    assert Excerpts().line(Site(file=str(file), line=2)) == expected


def test_what_is_no_source_file_is_no_error(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    big = tmp_path / "big.py"
    with open(big, "wb") as file:
        file.truncate(LARGEST_BYTES + 1)
    for name in ("<string>", "", "\0", str(tmp_path), str(fifo), str(big), "/dev/zero", str(tmp_path / "gone.py")):
        assert Excerpts().line(Site(file=name, line=1)) == ""
    assert Excerpts().line(Site(file=__file__, line=0)) == ""


def test_rich_is_imported_only_to_write() -> None:
    program = "import sys, paramedic.report.terminal, paramedic.report.sarif; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
