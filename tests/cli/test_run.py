"""`paramedic run` and `paramedic check`, as a user calls them."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from paramedic.check.shelf import shelf
from paramedic.cli.stage import VARIABLE, server_to_text
from paramedic.lab import Manners, Server, lab

LIMIT_S = 100


@pytest.fixture(autouse=True)
def place(own_state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, with settings and recordings of its own."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("COLUMNS", raising=False)
    return folder


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A well-mannered SSH server."""
    with lab(Manners(close_after_eof=True)) as running:
        yield running


def plain(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Plain Python."""
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [sys.executable, *words], **{"capture_output": True, "text": True, "timeout": LIMIT_S, **options}
    )


def run(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    """The same under `paramedic run`."""
    return plain("-m", "paramedic", "run", *words, **options)


def check(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    """`paramedic check`."""
    return plain("-m", "paramedic", "check", *words, **options)


SCRIPT = """
import sys
print("out", sys.argv, __name__)
print("err", file=sys.stderr)
"""

ENDS = {
    "well": "",
    "with a status": "sys.exit(7)",
    "with a message": "sys.exit('no')",
    "with an exception": "1 / 0",
    "in a thread with an exception": "from threading import *; t = Thread(target=lambda: 1 / 0); t.start(); t.join()",
    "with a syntax error": "x = = 1",
    "by os._exit": "import os; sys.stdout.flush(); os._exit(5)",
    "by SIGTERM": "import os; sys.stdout.flush(); os.kill(os.getpid(), 15)",
    "by SIGKILL": "import os; sys.stdout.flush(); os.kill(os.getpid(), 9)",
    "without its stdout": "sys.stdout.flush(); sys.stdout = None",
    "after it has closed all descriptors": "import os; sys.stdout.flush(); os.closerange(0, 256); os._exit(3)",
    "after a fork": "import os; sys.stdout.flush(); os.waitpid(os.fork(), 0) if os.getppid() else None",
}


STORIES = [("script", name) for name in ENDS] + [(how, name) for how in ("-c", "-m") for name in list(ENDS)[:4]]


@pytest.mark.parametrize(("how", "name"), STORIES)
def test_a_program_ends_as_under_plain_python(how: str, name: str, place: Path) -> None:
    text = SCRIPT + ENDS[name] + "\n"
    (place / "app.py").write_text(text)
    words = {"script": ["app.py"], "-c": ["-c", text], "-m": ["-m", "app"]}[how]
    expected = plain(*words, "a", "--level", "-m")
    done = run(*words, "a", "--level", "-m")
    assert (done.returncode, done.stdout) == (expected.returncode, expected.stdout)
    assert done.stderr.startswith(expected.stderr)
    report = done.stderr.removeprefix(expected.stderr)
    assert report.endswith("0 findings were suppressed.\n")
    assert "Traceback" not in report and "internal error" not in report and "could not be read" not in report


def test_standard_input_and_output_are_the_programs(place: Path) -> None:
    program = "import sys; data = sys.stdin.buffer.read(); sys.stdout.buffer.write(data[::-1])"
    done = run("-c", program, input=b"\x00\xff ab", text=False)
    assert done.stdout == b"ba \xff\x00"


def test_interpreter_options_are_passed_on() -> None:
    program = "import sys, warnings; print(sys.flags.optimize, sys.flags.dev_mode, sys.warnoptions, __debug__)"
    options = ["-O", "-X", "dev", "-W", "ignore::UserWarning"]
    assert run(*options, "-c", program).stdout == plain(*options, "-c", program).stdout


NOT_RUN = {
    "nothing": ([], 2, "say which program to run"),
    "no such script": (["nothing.py"], 2, "No such file or directory; check its path"),
    "a misspelt script": (["ap.py"], 2, "; did you mean 'app.py'?"),
    "a misspelt script of another folder": (["./ap.py"], 2, "; did you mean './app.py'?"),
    "a script's name without its end": (["./app"], 2, "; did you mean './app.py'?"),
    "a script that is like none but for its end": (["xyz.py"], 2, "No such file or directory; check its path"),
    "a script in no folder": (["no/app.py"], 2, "No such file or directory; check its path"),
    "an option that keeps us out": (
        ["-I", "-c", "pass"],
        2,
        "-I: with this option of Python's nothing can be recorded",
    ),
    "a module's name": (["pytest"], 2, "to run the module: paramedic run -m pytest"),
    "a command's name": (["env"], 2, "if it is a Python script: paramedic run /"),
    "a folder": (["."], 1, "can't find '__main__' module in '.'; name the script"),
    "a name with a NUL": (["a\0b.py"], None, ""),
    "standard input, more than once": (["--confirm=2", "-"], 2, "save it in a file"),
    "a number that is no program": (["--confirm", "2", "app.py"], 2, "--confirm=2"),
    "-m without a module": (["-m"], 2, "-m needs a module's name"),
    "an unknown option": (["--levle", "watch", "app.py"], 2, "unrecognized arguments"),
    "an unknown level": (["--level", "deep", "app.py"], 2, "invalid choice"),
    "a size that is none": (["--max-size", "big", "app.py"], 2, "--max-size: 'big' is not a size"),
    "JSON without a file": (["--format", "json", "app.py"], 2, "--format json needs --output FILE"),
    "a recording that is a file": (["--recording", "app.py", "app.py"], 2, "choose another folder with --recording"),
}


@pytest.mark.parametrize("name", [n for n, (_, status, _) in NOT_RUN.items() if status is not None])
def test_what_cannot_be_run_is_a_sentence(name: str, place: Path) -> None:
    words, status, sentence = NOT_RUN[name]
    (place / "app.py").write_text("print('ran')\n")
    done = run(*words)
    assert done.returncode == status
    assert sentence in done.stderr and "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_script_that_may_not_be_read(place: Path) -> None:
    (place / "app.py").write_text("print('ran')\n")
    (place / "app.py").chmod(0)
    if os.access("app.py", os.R_OK):
        pytest.skip("the superuser reads everything")
    done = run("app.py")
    assert (done.returncode, "can't open file" in done.stderr) == (2, True)


def test_an_error_of_the_recorders_is_told_with_what_may_be_missing(place: Path) -> None:
    (place / "app.py").write_text(
        "import paramiko\nclass Fake(paramiko.Channel):\n    def __init__(self): pass\n"
        "try: Fake().recv(1)\nexcept AttributeError: print('ran')\n"
    )
    done = run("app.py")
    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert "an error of Paramedic's own at Channel.recv()" in " ".join(done.stderr.split())


def test_broken_settings_stop_it_before_anything_runs(place: Path) -> None:
    (place / "pyproject.toml").write_text("[tool.paramedic]\nfail_on = 'observed'\n")
    done = run("-c", "print('ran')")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean 'fail-on'?" in done.stderr


def test_a_recording_is_kept_and_can_be_checked_again(place: Path) -> None:
    done = run("-c", "import threading; threading.Thread(target=print).start()")
    assert done.returncode == 0
    (folder,) = shelf().iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert f"Again: paramedic check {folder}" in done.stderr
    files = list(folder.glob("*.pmrec"))
    assert files and all(stat.S_IMODE(f.stat().st_mode) == 0o600 for f in files)
    again = check(str(folder))
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.endswith("0 findings were suppressed.\n")
    assert check().stdout == again.stdout  # the newest


def test_quiet_says_nothing_where_there_is_nothing() -> None:
    assert run("--quiet", "-c", "pass").stderr == ""


NOT_CHECKED = {
    "nothing there": (["nothing"], "cannot read nothing: No such file or directory"),
    "no recording in it": (["empty"], "empty holds no recording"),
    "somebody's JPEG": (["photo.jpg"], "photo.jpg"),
    "an empty file": (["zero.pmrec"], "zero.pmrec"),
    "a pipe": (["pipe.pmrec"], "pipe.pmrec: is not a file"),
    "none at all": ([], "there is no recording in"),
}


@pytest.mark.parametrize("name", NOT_CHECKED)
def test_what_is_no_recording_is_a_sentence(name: str, place: Path) -> None:
    (place / "empty").mkdir()
    (place / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40)
    (place / "zero.pmrec").touch()
    os.mkfifo(place / "pipe.pmrec")
    words, sentence = NOT_CHECKED[name]
    done = check(*words)
    assert done.returncode == 2
    assert done.stderr.startswith("paramedic: ") and done.stderr.count("\n") == 1
    assert sentence in done.stderr


# From here on a real hazard, on a real server.
BAD = ["-m", "paramedic.cli.stage", "shared-channel", "bad"]
GOOD = ["-m", "paramedic.cli.stage", "shared-channel", "good"]


def with_server(server: Server) -> dict[str, str]:
    return {**os.environ, VARIABLE: server_to_text(server)}


FAILS = [
    # options, program, status
    ([], BAD, 0),
    (["--fail-on", "observed"], BAD, 1),
    (["--fail-on", "advice"], BAD, 1),
    (["--fail-on", "possible"], GOOD, 0),
]


@pytest.mark.parametrize(("options", "program", "status"), FAILS)
def test_findings_fail_a_run_on_request(server: Server, options: list[str], program: list[str], status: int) -> None:
    done = run(*options, *program, env=with_server(server))
    assert done.returncode == status
    assert ("PMC102 shared-channel" in done.stderr) == (program is BAD)


LOCKED = """
import json, os, sys, threading
import paramiko

client = paramiko.SSHClient()
client.set_missing_host_key_policy(paramiko.RejectPolicy())
server = json.loads(sys.argv[1])
client.load_host_keys(server.pop("known_hosts"))
client.connect(**server)
sftp, lock = client.open_sftp(), threading.Lock()


def look():
    with lock:
        sftp.stat(".")


for round in range(3):
    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
client.close()
"""


@pytest.mark.parametrize("level", ["watch", "check"])
def test_a_lock_that_was_not_recorded_makes_no_conflict(server: Server, level: str) -> None:
    told = {**server.connect_kwargs(), "known_hosts": server.known_hosts_file, "timeout": 20}
    Path("locked.py").write_text(LOCKED)
    done = run("--level", level, "--fail-on", "possible", "locked.py", json.dumps(told))
    assert done.returncode == 0, done.stderr
    assert "Paramedic found nothing." in done.stderr or "advice" in done.stderr


def test_a_finding_everywhere_it_can_be_asked_for(server: Server, place: Path) -> None:
    folder = place / "recording"
    done = run("--recording", str(folder), *BAD, env=with_server(server))
    assert "demo.py" in done.stderr and "self.channel.recv" in done.stderr
    assert "paramedic explain shared-channel" in done.stderr

    again = check("--fail-on", "observed", str(folder))
    assert again.returncode == 1
    # Before it there may be warnings of the program's own, such as cryptography's about old Paramiko.
    assert again.stdout == done.stderr[done.stderr.index("─") :]

    data = json.loads(check("--format", "json", str(folder)).stdout)
    twice = json.loads(check("--format", "json", str(folder), *map(str, folder.glob("*.pmrec"))).stdout)
    assert twice["findings"] == data["findings"], "what is named twice is counted once"
    assert any(f["hazard"] == "shared-channel" and f["confidence"] == "observed" for f in data["findings"])
    log = json.loads(check("--format", "sarif", str(folder)).stdout)
    rules = {rule["id"]: rule for rule in log["runs"][0]["tool"]["driver"]["rules"]}
    assert "## After" in rules["PMC102"]["help"]["markdown"]
    assert check("--output", "report.txt", str(folder)).stdout == ""
    assert "PMC102" in (place / "report.txt").read_text()

    (place / "pyproject.toml").write_text(
        '[tool.paramedic]\nfail-on = "advice"\nignore = [{hazard = "PMC102", reason = "a demonstration"}]\n'
    )
    hidden = check(str(folder))
    assert "PMC102" not in hidden.stdout
    last = hidden.stdout.splitlines()[-1]
    assert last.endswith("suppressed.") and not last.startswith("0 ")


def test_a_report_that_cannot_be_written_does_not_change_the_status(place: Path) -> None:
    done = run("--output", str(place / "no" / "such" / "file"), "-c", "raise SystemExit(6)")
    assert done.returncode == 6
    assert "cannot write the report" in done.stderr and "Traceback" not in done.stderr
    assert "; the recording is in " in done.stderr, "what was found is not lost"
    done = run("--output", "/dev/full", "-c", "print('ran')")
    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert "Traceback" not in done.stderr


def test_ctrl_c_reaches_the_program_and_the_report_still_comes(server: Server) -> None:
    program = (
        "import sys, time\n"
        "try:\n    print('ready', flush=True)\n    while True: time.sleep(0.02)\n"
        "except KeyboardInterrupt:\n    print('stopped', flush=True); sys.exit(4)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "paramedic", "run", "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT_S)
    finally:
        process.kill()
        process.wait(LIMIT_S)
    assert (process.returncode, out) == (4, "stopped\n")
    assert err.endswith("0 findings were suppressed.\n")


def test_the_demo_shows_both_sides() -> None:
    done = plain("-m", "paramedic", "demo", "shared-channel")
    assert done.returncode == 0
    assert "the wrong way" in done.stdout and "the right way" in done.stdout
    bad, good, _ = done.stderr.split("findings were suppressed.\n")
    assert "PMC102 shared-channel" in bad
    assert "observed" not in good and "possible" not in good


def test_a_demo_that_is_none() -> None:
    done = plain("-m", "paramedic", "demo", "shared-chanel")
    assert (done.returncode, "Did you mean shared-channel" in done.stderr) == (2, True)
    listed = plain("-m", "paramedic", "demo", "--list").stdout
    assert "PMC102 shared-channel" in listed


def test_a_program_without_paramiko_is_not_simply_called_clean() -> None:
    said = "Paramedic found nothing: no process that was recorded imported Paramiko.\n"
    assert said in run("-c", "pass").stderr
    assert "Paramedic found nothing.\n" in run("-c", "import paramiko").stderr
