"""`paramedic.log_to_file`: what is in its lines, and that it stays out of the program's way."""

from __future__ import annotations

import logging
import multiprocessing
import os
import re
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

import paramedic
from paramedic.check.log import report_of_logs

LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \d+\.\d{6} [A-Z]+ (\d+) (\d+) \[(.*?)\] ([\w.]+)(?: @(0x\w+))?: (.*)"
)


@pytest.fixture
def quiet_logger() -> Iterator[logging.Logger]:
    """Paramiko's logger, put back afterwards."""
    logger = logging.getLogger("paramiko")
    before = (logger.level, list(logger.handlers))
    yield logger
    logger.setLevel(before[0])
    logger.handlers[:] = before[1]


class Server(paramiko.ServerInterface):
    """Says yes."""

    def check_auth_password(self, username: str, password: str) -> int:
        return paramiko.AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        return True


def connection() -> tuple[paramiko.Transport, paramiko.Transport]:
    """A client's and a server's transport on one socket pair."""
    here, there = socket.socketpair()
    server = paramiko.Transport(there)
    server.add_server_key(paramiko.ECDSAKey.generate())
    server.start_server(threading.Event(), Server())
    client = paramiko.Transport(here)
    client.connect(username="u", password="p")
    return client, server


def parsed(path: Path) -> list[tuple[str, ...]]:
    found = [LINE.fullmatch(line) for line in path.read_text().splitlines()]
    assert all(found)
    return [f.groups() for f in found if f]


def test_a_line_names_process_thread_and_transport(tmp_path: Path, quiet_logger: logging.Logger) -> None:
    path = tmp_path / "p.log"
    with paramedic.log_to_file(path) as log:
        client, server = connection()
        client.open_session().exec_command("true")
        client.close()
        server.close()
    assert log.left_out == 0
    lines = parsed(path)
    starts = {address for *_, address, words in lines if words.startswith("starting thread (client")}
    assert starts == {hex(id(client) & 0xFFFFFFFF)}
    mine = [row for row in lines if row[5].startswith("[chan 0] Max packet in") and row[4] in starts]
    assert [(row[0], row[1], row[2]) for row in mine] == [
        (str(os.getpid()), str(threading.get_native_id()), threading.current_thread().name)
    ]


def three_connections(path: Path) -> None:
    """Log three connections with a channel each."""
    with paramedic.log_to_file(path):
        pairs = [connection() for _ in range(3)]
        for client, _ in pairs:
            client.open_session().exec_command("true")
        for client, server in pairs:
            client.close()
            server.close()


def test_it_is_read_without_guessing_which_connection_is_meant(tmp_path: Path) -> None:
    path = tmp_path / "p.log"
    # in a process of its own: here, transports of other tests may still say something
    process = multiprocessing.get_context("spawn").Process(target=three_connections, args=(path,))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    result = report_of_logs([str(path)])
    assert result.report.source["forms"] == ["paramedic.log_to_file"]
    clients = [t for t in result.runs[0].transports if not t.server]
    assert [t.channels for t in clients] == [1, 1, 1]
    assert {f.hazard for f in result.report.findings if f.confidence != "advice"} == set()


def test_the_file_is_the_owners_alone(tmp_path: Path, quiet_logger: logging.Logger) -> None:
    path = tmp_path / "p.log"
    with paramedic.log_to_file(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_logger_is_as_before_when_it_is_closed(tmp_path: Path, quiet_logger: logging.Logger) -> None:
    quiet_logger.setLevel(logging.WARNING)
    before = list(quiet_logger.handlers)
    log = paramedic.log_to_file(tmp_path / "p.log")
    assert paramedic.log_to_file(tmp_path / "p.log") is log
    log.close()
    log.close()
    assert (quiet_logger.level, quiet_logger.handlers) == (logging.WARNING, before)
    assert not [t for t in threading.enumerate() if "_monitor" in t.name]


def test_the_programs_own_output_stays_as_it_is(tmp_path: Path) -> None:
    program = (
        "import logging, sys, paramedic\n"
        "logging.basicConfig(format='%(levelname)s %(message)s', stream=sys.stdout)\n"
        "if sys.argv[1:]: paramedic.log_to_file(sys.argv[1])\n"
        "log = logging.getLogger('paramiko.transport')\n"
        "log.debug('Debug msg: 1'); log.info('Connected'); log.warning('Oops'); log.error('no')\n"
    )
    plain, logged = (
        subprocess.run([sys.executable, "-c", program, *args], capture_output=True, text=True, check=True, timeout=60)
        for args in ([], [str(tmp_path / "p.log")])
    )
    assert (logged.stdout, logged.stderr) == (plain.stdout, plain.stderr) == ("WARNING Oops\nERROR no\n", "")
    assert len(parsed(tmp_path / "p.log")) == 4


def test_it_rotates(tmp_path: Path, quiet_logger: logging.Logger) -> None:
    path = tmp_path / "p.log"
    with paramedic.log_to_file(path, max_bytes=2_000, backups=2):
        for n in range(60):
            quiet_logger.debug("Debug msg: %d", n)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["p.log", "p.log.1", "p.log.2"]
    assert path.read_text().endswith("Debug msg: 59\n")


def test_a_folder_that_is_not_there_is_an_error_and_changes_nothing(
    tmp_path: Path, quiet_logger: logging.Logger
) -> None:
    before = list(quiet_logger.handlers)
    with pytest.raises(OSError, match="missing"):
        paramedic.log_to_file(tmp_path / "missing" / "p.log")
    assert quiet_logger.handlers == before


def test_a_thread_that_logs_in_the_middle_of_logging_does_not_wait_for_itself(
    tmp_path: Path, quiet_logger: logging.Logger
) -> None:
    # As the garbage collector does when it runs Channel.__del__ while a message is put on the queue.
    path = tmp_path / "p.log"
    with paramedic.log_to_file(path):

        class Chatty:
            def __str__(self) -> str:
                quiet_logger.debug("Debug msg: inner")
                return "outer"

        done = threading.Thread(target=quiet_logger.debug, args=("Debug msg: %s", Chatty()), daemon=True)
        done.start()
        done.join(10)
        assert not done.is_alive()
    # a transport of another test may say its last word at this moment
    assert {row[5] for row in parsed(path) if ": " in row[5]} == {"Debug msg: inner", "Debug msg: outer"}


def test_what_waits_is_written_when_the_program_ends_or_forks(tmp_path: Path) -> None:
    path = tmp_path / "p.log"
    program = (
        "import logging, os, sys, paramedic\n"
        "paramedic.log_to_file(sys.argv[1])\n"
        "log = logging.getLogger('paramiko.transport')\n"
        "log.debug('Debug msg: before')\n"
        "child = os.fork()\n"
        "log.debug('Debug msg: %s', 'parent' if child else 'child')\n"
        "if child: os.waitpid(child, 0)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True, timeout=60)
    rows = parsed(path)
    assert sorted(row[5] for row in rows if row[5] != "Debug msg: before") == ["Debug msg: child", "Debug msg: parent"]
    assert len({row[0] for row in rows}) == 2


def test_importing_paramedic_imports_nothing_of_it() -> None:
    program = "import sys, paramedic; print(sorted(m for m in sys.modules if m.startswith(('paramedic', 'logging'))))"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert out.stdout.strip() == "['paramedic']"
