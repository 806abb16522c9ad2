"""The command itself: help, unknown words, errors as sentences."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from paramedic import __version__
from paramedic.cli import main as cli
from paramedic.cli.command import Parser
from paramedic.cli.main import Entry, commands_here, main

LIMIT_S = 60


def paramedic(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Runs the command as a user does."""
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [sys.executable, "-m", "paramedic", *words], capture_output=True, text=True, timeout=LIMIT_S, **options
    )


def test_help_lists_every_command() -> None:
    done = paramedic("--help")
    assert done.returncode == 0
    assert commands_here()
    for entry in commands_here():
        assert f"  {entry.name} " in done.stdout and entry.help in done.stdout


def test_no_command_is_a_usage_error_that_helps() -> None:
    done = paramedic()
    assert (done.returncode, "commands:" in done.stdout) == (2, True)


def test_the_version() -> None:
    assert paramedic("--version").stdout == f"paramedic {__version__}\n"


HEAVY = ["rich", "asyncssh", "paramiko", "cryptography", "paramedic.analysis", "paramedic.hazards", "json", "asyncio"]


def test_help_imports_nothing_heavy() -> None:
    """What makes help slow is imports; their number can be told, a time cannot."""
    program = (
        "import sys\nfrom paramedic.cli.main import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        f"print([m for m in {HEAVY} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=LIMIT_S)
    assert done.stderr == "[]\n"


def test_import_paramedic_imports_nothing() -> None:
    program = "import sys; before = set(sys.modules); import paramedic; print(set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=LIMIT_S)
    assert done.stdout == "{'paramedic'}\n"


UNKNOWN = {
    "rum": "did you mean 'run'?",
    "app.py": "to run a program: paramedic run app.py",
    "zzzzz": "'paramedic --help' lists them",
}


@pytest.mark.parametrize("word", UNKNOWN)
def test_an_unknown_command(word: str) -> None:
    done = paramedic(word)
    assert done.returncode == 2
    assert UNKNOWN[word] in done.stderr and "Traceback" not in done.stderr


def broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str) -> None:
    """Puts one more command into the table."""
    (tmp_path / "broken_command.py").write_text(
        "import sys\nfrom paramedic.cli.command import CommandError\n"
        "class Broken:\n"
        "    def prepare_parser(self, parser): pass\n"
        f"    def run(self, args): {body}\n"
        "COMMAND = Broken()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(cli, "COMMANDS", (Entry(name="broken", module="broken_command", help="break"),))
    monkeypatch.delitem(sys.modules, "broken_command", raising=False)


ERRORS = {
    "ours to tell": ("raise CommandError('no such thing; make one')", 2, "paramedic: no such thing; make one\n"),
    "with a status": ("raise CommandError('x', status=126)", 126, "paramedic: x\n"),
    "an error of ours": ("1 / 0", 70, "paramedic: internal error (ZeroDivisionError: division by zero); "),
    "Ctrl-C": ("raise KeyboardInterrupt", 130, ""),
    "an own exit": ("sys.exit(9)", None, ""),
    "nothing wrong": ("return 5", 5, ""),
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_a_sentence(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body, status, words = ERRORS[name]
    monkeypatch.delenv("PARAMEDIC_DEBUG", raising=False)
    broken(monkeypatch, tmp_path, body)
    if status is None:
        with pytest.raises(SystemExit):
            main(["broken"])
        return
    assert main(["broken"]) == status
    told = capsys.readouterr().err
    assert told.startswith(words) and "Traceback" not in told
    assert bool(told) == bool(words)


@pytest.mark.parametrize("option", ["--confirm=0", "--confirm=-3", "--fuzz=0", "--stall=-1", "--stall=nan"])
def test_numbers_that_make_no_sense_are_told(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["run", option, "app.py"])
    assert left.value.code == 2
    assert option.partition("=")[0] in capsys.readouterr().err


def test_an_error_of_ours_shows_itself_on_request(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PARAMEDIC_DEBUG", "1")
    broken(monkeypatch, tmp_path, "1 / 0")
    with pytest.raises(ZeroDivisionError):
        main(["broken"])


def test_a_missing_import_of_a_command_is_not_a_missing_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PARAMEDIC_DEBUG", raising=False)
    broken(monkeypatch, tmp_path, "import not_installed_anywhere")
    assert main(["broken"]) == 70
    assert "not_installed_anywhere" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error() -> None:
    program = f"{sys.executable} -m paramedic hazards | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, timeout=LIMIT_S)
    assert done.stderr == ""
    assert done.returncode in (0, 141)


NOWHERE = {
    # shell redirections of a run that ends with 3, and the status of it
    "a reader that has gone": ("run -c 'raise SystemExit(3)' 2>&1 | true; exit ${PIPESTATUS[0]}", 3),
    "no standard error": ("run -c 'raise SystemExit(3)' 2>&-", 3),
    "no standard streams": ("run -c 'raise SystemExit(3)' <&- >&- 2>&-", 3),
    "a full standard error": ("run -c 'raise SystemExit(3)' 2>/dev/full", 3),
    "a full standard output": ("hazards >/dev/full", 2),
    "no standard output": ("hazards >&-", 0),
    "nobody to hear the error": ("explain nothing 2>/dev/full", 2),
}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("name", NOWHERE)
def test_output_that_goes_nowhere(name: str, own_state: Path) -> None:
    words, status = NOWHERE[name]
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m paramedic {words}"], capture_output=True, text=True, timeout=LIMIT_S
    )
    assert done.returncode == status
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


# argv of `run` -> what is the program's
SPLITS: dict[str, tuple[list[str], list[str]]] = {
    "a script": (["a.py"], ["a.py"]),
    "its options look like ours": (["a.py", "--level", "x", "-q"], ["a.py", "--level", "x", "-q"]),
    "ours come first": (["--level", "watch", "a.py", "--level"], ["a.py", "--level"]),
    "ours with an equals sign": (["--level=watch", "a.py"], ["a.py"]),
    "a flag takes no word": (["--flag", "a.py"], ["a.py"]),
    "a module": (["--flag", "-m", "mod", "--flag"], ["-m", "mod", "--flag"]),
    "a module glued on": (["-mmod", "-x"], ["-mmod", "-x"]),
    "code": (["-c", "print(1)", "-m"], ["-c", "print(1)", "-m"]),
    "two dashes": (["--flag", "--", "--odd.py", "x"], ["--odd.py", "x"]),
    "two dashes of its own": (["a.py", "--", "x"], ["a.py", "--", "x"]),
    "an ambiguous option of its own": (["a.py", "--l"], ["a.py", "--l"]),
    "standard input": (["-"], ["-"]),
    "nothing": (["--flag"], []),
}


@pytest.mark.parametrize("name", SPLITS)
def test_where_the_program_starts(name: str) -> None:
    words, program = SPLITS[name]
    parser = Parser()
    parser.add_argument("--level")
    parser.add_argument("--limit")
    parser.add_argument("--flag", action="store_true")
    parser.take_program("-m", "-c")
    assert parser.parse_words(words).program == program
