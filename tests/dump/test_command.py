"""``paramedic dump`` on files: what it says, and that bad input gets a sentence and the right status."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from forms import FAULTHANDLER, PY_SPY
from stacks import py_spy

from paramedic.cli.main import main

HANG = py_spy({"MainThread": "event main@app.py:3", "T": "recv pump@app.py:5 handler"})


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def findings(text: str) -> list[str]:
    return [f["hazard"] for f in json.loads(text)["findings"]]


def test_a_file_is_diagnosed(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (elsewhere / "dump.txt").write_text(HANG)
    assert main(["dump", "dump.txt", "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [f["hazard"] for f in report["findings"]] == ["callback-blocks-transport"]
    overview = report["source"].pop("overview")
    assert [(e["threads"], e["what"], e.get("line")) for e in overview] == [
        ("MainThread", "waits for an event", 3),
        ("the transport thread T", "waits for output of a channel", 5),
    ]
    assert report["source"] == {
        "kind": "dump",
        "forms": ["py-spy"],
        "dumps": 1,
        "threads": 2,
        "transports": 1,
        "processes": [7],
        "paramiko": True,
    }


def test_several_files_and_a_status_to_fail_on(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (elsewhere / "a.txt").write_text(HANG)
    (elsewhere / "b.txt").write_text(FAULTHANDLER)
    assert main(["dump", "a.txt", "b.txt", "--format", "json", "--fail-on", "possible"]) == 1
    assert set(findings(capsys.readouterr().out)) == {"callback-blocks-transport", "wait-without-timeout"}


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(HANG.encode())))
    assert main(["dump", "-", "--format", "json"]) == 0
    assert findings(capsys.readouterr().out) == ["callback-blocks-transport"]


def test_a_closed_standard_input_gets_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert main(["dump", "-"]) == 2
    assert "it is closed" in capsys.readouterr().err


def test_the_terminal_names_the_hazard_and_the_line(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (elsewhere / "dump.txt").write_text(HANG)
    main(["dump", "dump.txt"])
    out = capsys.readouterr().out
    assert "callback-blocks-transport" in out
    assert "app.py:5" in out


def test_source_is_looked_for_where_the_option_says(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (elsewhere / "code").mkdir()
    (elsewhere / "code" / "app.py").write_text(
        "def run(c):\n    o = c.exec_command('x')[1]\n    o.channel.recv_exit_status()\n    o.read()\n"
    )
    (elsewhere / "dump.txt").write_text(py_spy({"MainThread": "exit_status run@app.py:3", "T": "idle"}))
    for words, confidence in (([], "advice"), (["--source", "code"], "possible")):
        main(["dump", "dump.txt", "--format", "json", *words])
        (finding,) = json.loads(capsys.readouterr().out)["findings"]
        assert finding["confidence"] == confidence


def test_where_nothing_explains_the_hang_it_is_said_what_the_threads_do(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    threads = {f"w{n}": "queue work@app.py:9 thread" for n in range(4)} | {"T": "idle"}
    (elsewhere / "dump.txt").write_text(py_spy({"MainThread": "join <module>@app.py:3"} | threads))
    assert main(["dump", "dump.txt"]) == 0
    told = capsys.readouterr().out
    assert "MainThread waits for another thread to end, at app.py:3 in <module>" in told
    assert "4 threads (w0, w1, w2 …) wait for a queue, at app.py:9 in work" in told
    assert "the transport thread T waits for the next packet of the peer" in told


def test_a_dump_without_paramiko_says_so(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (elsewhere / "dump.txt").write_text(py_spy({"MainThread": "event <module>@app.py:3"}))
    assert main(["dump", "dump.txt", "--format", "json"]) == 0
    assert [g["reason"] for g in json.loads(capsys.readouterr().out)["gaps"]] == ["no-paramiko"]


BAD_INPUT: dict[str, tuple[bytes | None, str]] = {
    "a file that is not there": (None, "cannot read"),
    "an empty file": (b"", "no thread dump in"),
    "a binary file": (bytes(range(256)) * 300, "no thread dump in"),
    "a log with no dump": (b"INFO all is well\n" * 100, "no thread dump in"),
    "JSON of something else": (b'[{"a": 1}]', "no thread dump in"),
    "JSON that is broken": (b"[{", "no thread dump in"),
}


@pytest.mark.parametrize("what", BAD_INPUT)
def test_bad_input_gets_a_sentence(what: str, elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content, said = BAD_INPUT[what]
    if content is not None:
        (elsewhere / "dump.txt").write_bytes(content)
    assert main(["dump", "dump.txt"]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("words", [["."], ["dump.txt", "--source", "nowhere"], ["0"], ["99999999999999"]])
def test_wrong_words_get_a_sentence(words: list[str], elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (elsewhere / "dump.txt").write_text(PY_SPY)
    assert main(["dump", *words]) == 2
    assert capsys.readouterr().err.startswith("paramedic: ")


@pytest.mark.parametrize(
    "words", [["1", "--interval", "soon"], ["1", "--interval", "-1"], ["1", "--signal", "NONSENSE"], []]
)
def test_wrong_options_are_usage_errors(words: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["dump", *words])
    assert stopped.value.code == 2


def test_odd_bytes_do_not_matter(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (elsewhere / "dump.txt").write_bytes(b"\xff\xfe\x00caf\xe9\n"[2:] + HANG.encode().replace(b"pump", b"p\xfcmp"))
    assert main(["dump", "dump.txt", "--format", "json"]) == 0
    assert findings(capsys.readouterr().out) == ["callback-blocks-transport"]
