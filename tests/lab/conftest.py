"""Servers and clients for the lab's tests."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paramiko
import pytest

from openssh import running_sshd
from paramedic.lab import Manners, Server, lab

Connect = Callable[..., paramiko.SSHClient]


@contextlib.contextmanager
def watched(manners: Manners) -> Iterator[Server]:
    """A lab that has to end without an error of its own."""
    with lab(manners) as server:
        yield server
        log = Path(server.log_file).read_text()
        assert "Traceback" not in log, log


@pytest.fixture(scope="session")
def polite() -> Iterator[Server]:
    """A lab that does nothing wrong."""
    with watched(Manners()) as server:
        yield server


@pytest.fixture(scope="session", params=["lab", "sshd"])
def either(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The lab, and the server that it stands for."""
    if request.param == "lab":
        yield request.getfixturevalue("polite")
    else:
        with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
            yield server


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Makes logged-in clients, and closes them when the test ends."""
    with contextlib.ExitStack() as stack:

        def make(server: Server, **options: Any) -> paramiko.SSHClient:
            client = stack.enter_context(paramiko.SSHClient())
            client.load_host_keys(server.known_hosts_file)
            client.connect(**{"timeout": 10, **server.connect_kwargs(), **options})
            return client

        yield make


@pytest.fixture
def lab_with() -> Iterator[Callable[..., Server]]:
    """Starts labs with manners, and stops them when the test ends."""
    with contextlib.ExitStack() as stack:
        yield lambda **manners: stack.enter_context(watched(Manners(**manners)))


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A folder that both sides see."""
    return tmp_path
