"""From which address to which kind of address a connection is made."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from paramedic.safe import ClientPool, Configuration, ConnectFailed
from paramedic.safe.connection import _socket_to


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        yield listener


def configured(listener: socket.socket, folder: Path, *lines: str) -> Configuration:
    where = f"HostName localhost\nPort {listener.getsockname()[1]}\n"
    (folder / "config").write_text(where + "\n".join(lines) + "\n")
    return Configuration(folder / "config")


@pytest.mark.parametrize("family", ["inet", "any"])
def test_the_address_that_is_named_is_the_one_that_the_server_sees(
    listener: socket.socket, tmp_path: Path, family: str
) -> None:
    config = configured(listener, tmp_path, "BindAddress 127.0.0.7", f"AddressFamily {family}")
    with _socket_to(config.destination("a"), 30), listener.accept()[0] as seen:
        assert seen.getpeername()[0] == "127.0.0.7"


def test_a_kind_of_address_that_the_host_does_not_listen_at_is_not_replaced(
    listener: socket.socket, tmp_path: Path
) -> None:
    config = configured(listener, tmp_path, "AddressFamily inet6")
    with ClientPool("a", config=config) as pool, pytest.raises(ConnectFailed):
        pool.run("true", total_timeout=30)
    listener.settimeout(0)
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_an_address_that_is_not_ours_is_told(listener: socket.socket, tmp_path: Path) -> None:
    before = threading.active_count()
    config = configured(listener, tmp_path, "BindAddress 192.0.2.1", "AddressFamily inet")
    with ClientPool("a", config=config) as pool, pytest.raises(ConnectFailed) as caught:
        pool.run("true", total_timeout=30)
    assert caught.value.phase == "connect"
    assert threading.active_count() == before
