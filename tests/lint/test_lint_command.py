"""The command: outputs, exit statuses, fixes, baseline, cache, notebooks, and input that cannot be read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest
from judging import Lint

from paramedic.cli.main import main
from paramedic.report.json_form import json_schema

pytestmark = pytest.mark.usefixtures("here")

SHARED = """\
import paramiko
from concurrent.futures import ThreadPoolExecutor


def main(client: paramiko.SSHClient, names):
    sftp = client.open_sftp()
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(sftp.stat, names))
"""

PREFETCH = """\
import paramiko


def head(sftp: paramiko.SFTPClient, path):
    remote = sftp.open(path)
    remote.prefetch()
    first = remote.read(512)
    remote.close()
    return first
"""


def test_a_finding_is_one_line_with_its_source_below(tmp_path: Path, lint: Lint) -> None:
    (tmp_path / "sizes.py").write_text(SHARED)
    status, out, _ = lint(".")
    assert status == 1
    assert out.startswith("sizes.py:8: PMC103 shared-sftp-client: ")
    assert "    | return list(pool.map(sftp.stat, names))" in out
    assert "Found 1 hazard (1 file, 1 with Paramiko)." in out


def test_nothing_found_is_said_and_ends_with_0(tmp_path: Path, lint: Lint) -> None:
    (tmp_path / "empty.py").write_text("print('hello')\n")
    assert lint(".")[:2] == (0, "No hazards found (1 file, 0 with Paramiko).\n")
    assert lint("--quiet", ".")[:2] == (0, "")


def test_github_annotations(tmp_path: Path, lint: Lint) -> None:
    (tmp_path / "a,b:c%.py").write_text(SHARED)
    _, out, _ = lint("--format", "github", ".")
    assert out.startswith("::warning file=a%2Cb%3Ac%25.py,line=8,title=PMC103 shared-sftp-client::Several threads")
    assert out.count("\n") == 1


def test_gitlab_fingerprints_survive_lines_above(tmp_path: Path, lint: Lint) -> None:
    (tmp_path / "sizes.py").write_text(SHARED)
    before = json.loads(lint("--format", "gitlab", ".")[1])
    (tmp_path / "sizes.py").write_text("# a comment\n" + SHARED)
    after = json.loads(lint("--format", "gitlab", ".")[1])
    assert before[0]["location"] == {"path": "sizes.py", "lines": {"begin": 8}}
    assert after[0]["location"]["lines"]["begin"] == 9
    assert before[0]["fingerprint"] == after[0]["fingerprint"]


def test_junit_is_well_formed(tmp_path: Path, lint: Lint) -> None:
    (tmp_path / "sizes.py").write_text(SHARED)
    root = ElementTree.fromstring(lint("--format", "junit", ".")[1].encode())
    assert root.get("failures") == "1"
    assert [c.get("name") for c in root.iter("testcase")] == ["shared-sftp-client:8"]


@pytest.mark.parametrize("form", ["json", "sarif", "full"])
def test_the_other_forms(form: str, tmp_path: Path, lint: Lint) -> None:
    (tmp_path / "sizes.py").write_text(SHARED)
    status, out, _ = lint("--format", form, ".")
    assert status == 1
    assert "shared-sftp-client" in out
    if form != "full":
        json.loads(out)


def test_a_comment_allows_a_line(tmp_path: Path, lint: Lint) -> None:
    allowed = SHARED.replace("sftp.stat, names))", "sftp.stat, names))  # paramedic: allow[PMC103] one name only")
    (tmp_path / "sizes.py").write_text(allowed)
    status, out, _ = lint(".")
    assert (status, out) == (0, "No hazards found (1 file, 1 with Paramiko; 1 suppressed).\n")


def test_a_baseline_hides_what_is_known_and_not_what_is_new(tmp_path: Path, lint: Lint) -> None:
    (tmp_path / "old.py").write_text(SHARED)
    assert lint("--write-baseline", "known.json", ".")[0] == 0
    (tmp_path / "old.py").write_text("import os\n" + SHARED)
    assert lint("--baseline", "known.json", ".")[0] == 0
    (tmp_path / "new.py").write_text(SHARED)
    status, out, _ = lint("--baseline", "known.json", ".")
    assert status == 1
    assert "new.py:8" in out
    assert "old.py" not in out


def test_fixes_are_shown_then_made(tmp_path: Path, lint: Lint) -> None:
    file = tmp_path / "head.py"
    file.write_text(PREFETCH)
    _, out, _ = lint("--diff", "--unsafe-fixes", ".")
    assert "+    remote.prefetch(max_concurrent_requests=64)" in out
    assert file.read_text() == PREFETCH
    assert lint("--fix", ".")[0] == 1  # older than 3.3, Paramiko does not know the argument
    assert file.read_text() == PREFETCH
    status, _, err = lint("--unsafe-fixes", ".")
    assert status == 0
    assert "fixed head.py (1 edit)" in err
    assert "remote.prefetch(max_concurrent_requests=64)" in file.read_text()
    assert lint(".")[0] == 0


def test_unsafe_fixes_wait_to_be_asked_for(tmp_path: Path, lint: Lint) -> None:
    file = tmp_path / "open.py"
    file.write_text(
        "import paramiko\n\n\ndef main(host):\n    with paramiko.SSHClient() as client:\n"
        "        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())\n"
        "        client.connect(\n            host,\n            port=22,\n        )\n"
    )
    lint("--pedantic", "--fix", ".")
    assert "AutoAddPolicy" in file.read_text()
    lint("--pedantic", "--unsafe-fixes", ".")
    assert "paramiko.RejectPolicy())\n        client.load_system_host_keys()\n" in file.read_text()
    assert "timeout=10)" in file.read_text()
    compile(file.read_text(), "open.py", "exec")


def test_the_cache_notices_a_change_in_an_imported_module(tmp_path: Path, lint: Lint) -> None:
    (tmp_path / "jobs.py").write_text(
        "import paramiko, threading\nfrom parts import turn\n\n\ndef main(client: paramiko.SSHClient, names):\n"
        "    sftp = client.open_sftp()\n\n    def one(name):\n        with turn:\n            sftp.stat(name)\n\n"
        "    for name in names:\n        threading.Thread(target=one, args=(name,)).start()\n"
    )
    (tmp_path / "parts.py").write_text("import threading\n\nturn = threading.Lock()\n")
    assert lint("--cache-dir", "kept", ".")[0] == 0
    assert lint("--cache-dir", "kept", ".")[0] == 0
    (tmp_path / "parts.py").write_text(
        "import threading, contextlib\n\nturn = contextlib.nullcontext()\nLock = threading.Lock()\n"
    )
    assert lint("--cache-dir", "kept", ".")[0] == 1


def test_a_notebook_is_told_by_cell(tmp_path: Path, lint: Lint) -> None:
    cells = [
        {"cell_type": "markdown", "source": "# Sizes"},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "import paramiko"]},
        {"cell_type": "code", "source": SHARED},
    ]
    (tmp_path / "sizes.ipynb").write_text(json.dumps({"cells": cells}))
    _, out, _ = lint(".")
    assert out.startswith("sizes.ipynb:cell 2:8: PMC103")


def test_a_comment_in_a_cell_allows_its_line(tmp_path: Path, lint: Lint) -> None:
    allowed = SHARED.replace("sftp.stat, names))", "sftp.stat, names))  # paramedic: allow[PMC103] one name only")
    (tmp_path / "sizes.ipynb").write_text(json.dumps({"cells": [{"cell_type": "code", "source": allowed}]}))
    status, out, _ = lint(".")
    assert status == 0
    assert "1 suppressed" in out


BAD_INPUT = {
    "python 2": (b"import paramiko\nclient = paramiko.SSHClient()\nprint 'hello'\n", "not Python 3"),
    "a newer Python": (b"import paramiko\nparamiko.SSHClient()\nclass Box[T: = 1\n", "written for a newer Python?"),
    "a broken line": (b"import paramiko\nclient = paramiko.SSHClient(\n", "not Python 3: "),
    "a null byte": (b"import paramiko\nclient = paramiko.SSHClient()\x00\n", "not Python"),
    "an unknown encoding": (b"# -*- coding: klingon -*-\nimport paramiko\nparamiko.SSHClient()\n", "klingon"),
    "bytes that are not utf-8": (b"import paramiko\nparamiko.SSHClient() # \xff\xfe\n", "encoding"),
    "a generated file": (b"import paramiko\nparamiko.SSHClient()\n" + b"x = 1\n" * 900_000, "looks generated"),
    "deep nesting": (b"import paramiko\nparamiko.SSHClient()\nx = " + b"(" * 5000 + b")" * 5000 + b"\n", "not Python"),
}


@pytest.mark.parametrize("title", BAD_INPUT)
def test_a_file_that_cannot_be_read_is_one_line_and_the_rest_is_linted(title: str, tmp_path: Path, lint: Lint) -> None:
    data, words = BAD_INPUT[title]
    (tmp_path / "bad.py").write_bytes(data)
    (tmp_path / "sizes.py").write_text(SHARED)
    status, out, _ = lint(".")
    assert status == 1
    assert "sizes.py:8" in out
    warnings = [line for line in out.splitlines() if line.startswith("warning: bad.py")]
    assert len(warnings) == 1
    assert words in warnings[0] or "nested too deeply" in warnings[0]


def test_a_deep_expression_that_parses_does_not_break_the_reader(tmp_path: Path, lint: Lint) -> None:
    (tmp_path / "sum.py").write_text("import paramiko\nparamiko.SSHClient()\nx = " + " + ".join(["1"] * 3000) + "\n")
    assert lint(".")[0] == 0


def test_links_that_loop_and_folders_without_permission(tmp_path: Path, lint: Lint) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere.py")
    (tmp_path / "self.py").symlink_to(tmp_path / "self.py")
    (tmp_path / "sizes.py").write_text(SHARED)
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(0)
    status, out, _ = lint(".")
    closed.chmod(0o700)
    assert status == 1
    assert out.count(": PMC103 ") == 1
    if os.geteuid():
        assert "warning: closed: Permission denied" in out


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("where, named", [("sizes", "."), ("sizes/inner", ".."), ("sizes/inner", ".")])
def test_a_package_is_read_from_inside(
    where: str, named: str, tmp_path: Path, lint: Lint, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "sizes" / "inner"
    inner.mkdir(parents=True)
    for folder in (inner.parent, inner):
        (folder / "__init__.py").write_text("")
        (folder / "all.py").write_text(SHARED)
        (folder / "other.py").write_text(f"from {'sizes.inner' if folder == inner else 'sizes'}.all import main\n")
    monkeypatch.chdir(tmp_path / where)
    status, out, _ = lint(named)
    assert status == 1
    assert out.count("shared-sftp-client") == (1 if (where, named) == ("sizes/inner", ".") else 2), out


def test_a_pipe_with_the_name_of_a_module_is_not_waited_for(tmp_path: Path, lint: Lint) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "sizes.py").write_text(SHARED)
    status, out, _ = lint(".")
    assert status == 1
    assert "warning: pipe.py: no regular file" in out


WRONG = {
    "a path that is not there": (["nowhere"], "there is no nowhere"),
    "a hazard that is not there": (["--select", "shared-sftp", "."], "There is no hazard"),
    "a baseline that is none": (["--baseline", "empty.json", "."], "empty.json is no baseline"),
    "a negative number of processes": (["--jobs", "-1", "."], "--jobs must be 0 or more"),
}


@pytest.mark.parametrize("title", WRONG)
def test_what_the_user_can_put_right_is_one_sentence(title: str, tmp_path: Path, lint: Lint) -> None:
    words, sentence = WRONG[title]
    (tmp_path / "empty.json").write_text("[]")
    status, _, err = lint(*words)
    assert status == 2
    assert sentence in err
    assert "Traceback" not in err


def test_settings_of_the_project(tmp_path: Path, lint: Lint) -> None:
    (tmp_path / "sizes.py").write_text(SHARED)
    project = tmp_path / "pyproject.toml"
    project.write_text('[tool.paramedic.lint]\nignore = ["PMC1"]\n')
    assert lint(".")[0] == 0
    project.write_text('[tool.paramedic.lint]\nexclude = ["sizes.py"]\n')
    assert lint(".")[1].startswith("No hazards found (0 files")
    project.write_text("[tool.paramedic.lint]\npedantry = true\n")
    status, _, err = lint(".")
    assert status == 2
    assert "has no setting 'pedantry'" in err


def test_ignores_of_files_are_spelt_as_for_ruff(tmp_path: Path, lint: Lint) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "sizes.py").write_text(SHARED)
    (tmp_path / "app.py").write_text(SHARED)
    project = tmp_path / "pyproject.toml"
    for pattern in ("tests/*", "tests", "sizes.py", "**/sizes.py"):
        for name in ("PMC1", "shared-sftp-client", "ALL"):
            project.write_text(f'[tool.paramedic.lint.per-file-ignores]\n"{pattern}" = ["{name}"]\n')
            status, out, _ = lint(".")
            assert status == 1
            assert "app.py:8: PMC103" in out
            assert "sizes.py:" not in out
            assert "1 suppressed" in out
    project.write_text('[tool.paramedic.lint.per-file-ignores]\n"tests/*" = ["PMC2"]\n')
    assert "tests/sizes.py:8: PMC103" in lint(".")[1]


REFUSED = {
    "a name that is none": ('[tool.paramedic.lint.per-file-ignores]\n"a.py" = ["nonsense"]', "no hazard"),
    "a name without a list": ('[tool.paramedic.lint.per-file-ignores]\n"a.py" = "PMC1"', "must be a list of names"),
    "no table": ('[tool.paramedic.lint]\nper-file-ignores = ["a.py"]', "per-file-ignores must be a table"),
    "a table too high": ("[tool.paramedic.per-file-ignores]", "write it in [tool.paramedic.lint]"),
    "a setting too low": ('[tool.paramedic.lint]\nfail-on = "observed"', "write it in [tool.paramedic]"),
}


@pytest.mark.parametrize("command", ["lint", "checkup"])
@pytest.mark.parametrize("title", REFUSED)
def test_a_setting_that_cannot_be_meant_is_one_sentence(
    title: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, words = REFUSED[title]
    (tmp_path / "pyproject.toml").write_text(text + "\n")
    capsys.readouterr()
    assert main([command, "."]) == 2
    assert words in capsys.readouterr().err


def test_a_folder_without_python_is_told(tmp_path: Path, lint: Lint) -> None:
    (tmp_path / "empty").mkdir()
    for form in ("concise", "json", "github"):
        status, _, err = lint("--format", form, "empty")
        assert status == 0
        assert "no Python file under empty" in err
    (tmp_path / "empty" / "plain.py").write_text("print(1)\n")
    assert not lint("empty")[2]


def test_checkup_says_what_is_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "sizes.py").write_text(SHARED)
    capsys.readouterr()
    assert main(["checkup", "--format", "json", "."]) == 1
    data = json.loads(capsys.readouterr().out)
    assert set(json_schema()["required"]) <= set(data)
    states = {row["item"]: row["state"] for row in data["checklist"]}
    assert states["not-shared"] == "fail"
    assert states["debug-logging"] == "not seen"
    assert "shared-sftp-client" in data["next"]


@pytest.mark.parametrize("form", ["terminal", "markdown", "html"])
def test_checkup_escapes_what_the_source_says(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "<b>\x1b[31m.py").write_text(SHARED)
    capsys.readouterr()
    main(["checkup", "--format", form, "."])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert form != "html" or "<b>\\x1b" not in out


def test_checkup_goes_through_the_list_with_an_empty_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "sizes.py").write_text(SHARED)
    (tmp_path / "ssh.log").write_text("")
    capsys.readouterr()
    assert main(["checkup", "--log", "ssh.log", "--format", "json", "sizes.py"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert "log: ssh.log is empty" in data["looked_at"]
    states = {row["item"]: row["state"] for row in data["checklist"]}
    assert states["debug-logging"] == "not seen"  # such a log shows that nothing was logged
    assert states["not-shared"] == "fail"


def test_checkup_names_what_it_could_not_look_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.py").write_text("import paramiko\nclient = paramiko.SSHClient(\n")
    (tmp_path / "plain.py").write_text("import threading\nthreading.Thread(target=print).start()\n")
    capsys.readouterr()
    main(["checkup", "."])
    assert "not looked at: broken.py:2: not Python 3: '(' was never closed" in capsys.readouterr().out


NOTHING = {
    "no file": ({}, "No Python file under ."),
    "no Paramiko": (
        {"plain.py": "import threading\nthreading.Thread(target=print).start()\n"},
        "No Paramiko in 1 file",
    ),
    "a client that others give": (
        {"given.py": "def run(client, command):\n    return client.exec_command(command)[1].read()\n"},
        "No file here imports Paramiko, but given.py calls exec_command()",
    ),
}


@pytest.mark.parametrize("title", NOTHING)
def test_checkup_says_that_there_is_nothing_to_check(
    title: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files, sentence = NOTHING[title]
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    capsys.readouterr()
    for form in ("terminal", "markdown", "html"):
        assert main(["checkup", "--format", form, "."]) == 0
        out = capsys.readouterr().out
        assert sentence.replace("_", "\\_" if form == "markdown" else "_") in out
        assert "not seen" not in out
    main(["checkup", "--format", "json", "."])
    data = json.loads(capsys.readouterr().out)
    assert data["checklist"] == []
    assert data["next"].startswith(sentence)


SHORT_AND_LONG = """
import sys
import paramiko


def main():
    with paramiko.SSHClient() as client:
        client.load_system_host_keys()
        client.connect("host", timeout=10)
        _, out, _ = client.exec_command(sys.argv[1] + " 2>&1", timeout=TIMEOUT)
        print(out.read())


main()
"""


def test_the_checklist_says_the_same_of_each_timeout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for seconds in ("5", "20"):
        (tmp_path / "app.py").write_text(SHORT_AND_LONG.replace("TIMEOUT", seconds))
        capsys.readouterr()
        main(["checkup", "--format", "json", "."])
        said.append(json.loads(capsys.readouterr().out)["checklist"])
    assert said[0] == said[1]
    timeouts = next(row for row in said[0] if row["item"] == "timeouts")
    assert timeouts["state"] == "pass"
    assert any("does not cover its wait for the server's reply" in line for line in timeouts["evidence"])


TRANSFER = """
import paramiko


def fetch(host, path):
    with paramiko.SSHClient() as client:
        client.load_system_host_keys()
        client.connect(host, timeout=10)
        with client.open_sftp() as sftp:
            sftp.get(path, "x")
"""
ASYNC = """

async def later(host):
    await asyncio.to_thread(fetch, host, "y")
"""


def test_an_item_passes_only_where_the_source_does_what_it_asks_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def states() -> dict[str, str]:
        capsys.readouterr()
        main(["checkup", "--format", "json", "."])
        return {row["item"]: row["state"] for row in json.loads(capsys.readouterr().out)["checklist"]}

    (tmp_path / "app.py").write_text(TRANSFER)
    before = states()
    assert before["output-read"] == "not seen"
    assert before["callbacks-quick"] == "not seen"
    (tmp_path / "app.py").write_text("import asyncio\n" + TRANSFER + ASYNC)
    assert states()["callbacks-quick"] == "pass"


def test_names_that_are_no_text_are_told_in_every_form(tmp_path: Path, lint: Lint) -> None:
    try:
        (tmp_path / os.fsdecode(b"odd \xff 100%.py")).write_text(SHARED)
    except OSError:
        pytest.skip("this file system takes only text for names")
    out = lint("--format", "github", ".")[1]
    assert "file=odd \\udcff 100%25.py" in out
    assert out.encode() == out.encode("utf-8", "surrogatepass")
    assert "odd%20%FF%20100%25.py" in lint("--format", "sarif", ".")[1]


def test_utf_16_and_devices_are_one_line_each(tmp_path: Path, lint: Lint) -> None:
    (tmp_path / "wide.py").write_bytes("import paramiko\n".encode("utf-16"))
    (tmp_path / "device.py").symlink_to("/dev/null")
    out = lint(".")[1]
    assert "warning: wide.py: UTF-16, which Python does not read" in out
    assert "warning: device.py: no regular file" in out


@pytest.mark.parametrize("part", ["flags", "results"])
@pytest.mark.parametrize("junk", [[1], {"a": 1}, None, "each"])
def test_a_cache_that_somebody_else_wrote_into_is_passed_over(
    part: str, junk: object, tmp_path: Path, lint: Lint
) -> None:
    (tmp_path / "sizes.py").write_text(SHARED)
    first = lint("--cache-dir", "kept", "sizes.py")
    (kept,) = (tmp_path / "kept").iterdir()
    data = json.loads(kept.read_text())
    data[part] = dict.fromkeys(data[part], 7) if junk == "each" else junk
    kept.write_text(json.dumps(data))
    assert lint("--cache-dir", "kept", "sizes.py") == first
