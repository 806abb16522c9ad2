"""Real dumps, taken of the programs in ``programs`` under several versions of Paramiko (see ``capture.py`` there)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from paramedic.check.dump import check_dumps
from paramedic.dump.activity import activity_of
from paramedic.dump.assembly import read_snapshots
from paramedic.dump.waits import Wait
from paramedic.model.finding import Confidence
from paramedic.model.report import Report

HERE = Path(__file__).resolve().parent
PROGRAMS, DUMPS = HERE / "programs", HERE / "dumps"

# Stacks alone do not show these: faulthandler and plain py-spy print no addresses, and the source does not say either.
NEEDS_ADDRESSES = {"hangs_two_recv", "hangs_sftp_self"}
# The wait in one dump may be a moment's, and whether a window is full is not in the stacks.
ONE_DUMP_IS_ADVICE = {
    "hangs_acquire_io",
    "hangs_exit_class",
    "hangs_flood_chan",
    "hangs_handler_queue",
    "hangs_mute_cls",
    "hangs_stderr_loop",
}


def dumps(prefix: str) -> Iterator[Path]:
    yield from sorted(DUMPS.glob(f"*/{prefix}*.txt"))


def title(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def report_of(path: Path) -> Report:
    with open(path, encoding="utf-8") as lines:
        return check_dumps(read_snapshots(lines), roots=[PROGRAMS])


def program_of(path: Path) -> Path:
    return PROGRAMS / f"{path.name.split('.')[0]}.py"


def test_there_are_dumps_of_every_version() -> None:
    assert {p.parent.name for p in dumps("hangs")} >= {"paramiko-2.12", "paramiko-3.5", "paramiko-4.0", "paramiko-5.1"}


@pytest.mark.parametrize("path", dumps("hangs"), ids=title)
def test_every_hang_is_named_with_the_user_s_line(path: Path) -> None:
    program = program_of(path)
    if program.stem in NEEDS_ADDRESSES and "locals" not in path.name:
        pytest.skip("a dump without addresses does not show it")
    hazard = program.read_text().split()[1].split(",")[0]
    marked = [
        (file.name, number)
        for file in (program, PROGRAMS / "inventory_module.py")
        for number, text in enumerate(file.read_text().splitlines(), 1)
        if "# HANG" in text
    ]
    found = [f for f in report_of(path).findings if f.hazard == hazard]
    assert found, report_of(path).findings
    sites = {(Path(s.site.file).name, s.site.line) for f in found for s in f.steps if s.site is not None}
    assert sites & set(marked)
    if program.stem not in ONE_DUMP_IS_ADVICE:
        assert found[0].confidence is not Confidence.ADVICE


@pytest.mark.parametrize("path", dumps("works"), ids=title)
def test_a_program_at_work_is_not_accused(path: Path) -> None:
    assert [f for f in report_of(path).findings if f.confidence is not Confidence.ADVICE] == []


SHAPES = {
    "hangs_exit_class": Wait.EXIT_STATUS,
    "hangs_stderr_loop": Wait.OUTPUT,
    "hangs_flood_chan": Wait.SEND_WINDOW,
    "hangs_mute_cls": Wait.REQUEST_REPLY,
    "hangs_sftp_self": Wait.SFTP_REPLY,
    "hangs_kbdint": Wait.AUTHENTICATION,
    "hangs_handler_queue": Wait.QUEUE,
    "hangs_handler_sftp": Wait.SFTP_REPLY,
    "hangs_log_ssh": Wait.CLEAR_TO_SEND,
    "hangs_sig_stdin": Wait.PARAMIKO_LOCK,
    "hangs_exit_readline": Wait.SHUTDOWN,
    "hangs_import_thread": Wait.IMPORT_LOCK,
    "hangs_starve_map": Wait.FUTURE,
    "hangs_pool_drain": Wait.QUEUE,
    "hangs_join_lock": Wait.JOIN,
}


@pytest.mark.parametrize("path", [p for p in dumps("hangs") if p.name.split(".")[0] in SHAPES], ids=title)
def test_every_shape_is_known_in_every_version(path: Path) -> None:
    with open(path, encoding="utf-8") as lines:
        waits = {activity_of(t).wait for s in read_snapshots(lines) for t in s.threads}
    assert SHAPES[path.name.split(".")[0]] in waits
