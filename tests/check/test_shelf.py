"""Where recordings go, who may read them, and which are thrown away."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from paramedic.check.shelf import KEPT, chosen_recording, new_recording, shelf

NEVER_A_PROCESS = 2**22 + 7  # above Linux's largest pid


def test_a_run_gets_a_folder_of_its_own_that_nobody_else_can_read(own_state: Path) -> None:
    folder = new_recording("some/where/deploy tool.py")
    assert folder.parent == shelf() == own_state / "state" / "paramedic" / "recordings"
    assert folder.name.startswith("deploy_tool-") and folder.name.endswith(f"-{os.getpid()}")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(folder.iterdir()) == []


def test_without_xdg_it_is_below_the_home(own_state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("", "relative/path"):
        monkeypatch.setenv("XDG_STATE_HOME", value)
        assert shelf() == own_state / ".local" / "state" / "paramedic" / "recordings"


def test_the_newest_stay(own_state: Path) -> None:
    shelf().mkdir(parents=True)
    for number in range(KEPT + 5):
        old = shelf() / f"app-20260101-{number:06}-{NEVER_A_PROCESS}"
        old.mkdir()
        (old / "1-0.pmrec").write_bytes(b"x")
        os.utime(old, (number, number))
    strangers = [shelf() / "notes", shelf() / f"app-20260101-000000-{os.getppid()}"]
    for stranger in strangers:  # not of our making, and of a process that still runs
        stranger.mkdir()
        os.utime(stranger, (0, 0))
    newest = new_recording("app.py")
    left = sorted(p.name for p in shelf().iterdir() if p not in (*strangers, newest))
    assert left == [f"app-20260101-{n:06}-{NEVER_A_PROCESS}" for n in range(6, KEPT + 5)]
    assert all(s.exists() for s in strangers)


def test_a_symbolic_link_is_not_followed(own_state: Path, tmp_path: Path) -> None:
    shelf().mkdir(parents=True)
    precious = tmp_path / "precious"
    precious.mkdir()
    for number in range(KEPT + 3):
        (shelf() / f"app-20260101-{number:06}-{NEVER_A_PROCESS}").symlink_to(precious)
    new_recording("app.py")
    assert precious.exists()


def test_where_the_shelf_cannot_be_it_is_a_temporary_folder(own_state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (own_state / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(own_state / "file"))
    folder = new_recording("app.py")
    try:
        assert folder.is_dir() and stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert not folder.is_relative_to(own_state)
    finally:
        folder.rmdir()


@pytest.mark.parametrize("program", ["-c", "", "..", "/", "a" * 300 + ".py", "naïve.py", "a\nb.py"])
def test_every_name_makes_a_folder(own_state: Path, program: str) -> None:
    assert new_recording(program).parent == shelf()


def test_a_chosen_folder_keeps_what_is_not_ours(tmp_path: Path) -> None:
    chosen = tmp_path / "a" / "b"
    assert chosen_recording(chosen) == chosen
    (chosen / "1-0.pmrec").write_text("old")
    (chosen / "ended.json").write_text("{}")
    (chosen / "notes.txt").write_text("mine")
    chosen_recording(chosen)
    assert [p.name for p in chosen.iterdir()] == ["notes.txt"]


def test_a_chosen_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("mine")
    with pytest.raises(FileExistsError):
        chosen_recording(tmp_path / "f")
    assert (tmp_path / "f").read_text() == "mine"


def test_a_chosen_folder_of_a_run_that_has_not_ended(tmp_path: Path) -> None:
    """Its recordings would be removed under it, and its report would be of the other program."""
    words = "import pathlib, sys; from paramedic.check.shelf import chosen_recording as c; c(pathlib.Path(sys.argv[1]))"
    with subprocess.Popen(
        [sys.executable, "-c", f"{words}; print('has it', flush=True); sys.stdin.read()", str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as other:  # fmt: skip
        assert other.stdout is not None and other.stdout.readline() == "has it\n"
        (tmp_path / "1-0.pmrec").touch()
        with pytest.raises(OSError, match="another program is recorded there"):
            chosen_recording(tmp_path)
        assert (tmp_path / "1-0.pmrec").exists()
        other.communicate()
    assert chosen_recording(tmp_path) == chosen_recording(tmp_path) == tmp_path
    assert not (tmp_path / "1-0.pmrec").exists()
