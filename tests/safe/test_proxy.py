"""ProxyCommands: what they die of is told at once, and none of them is left behind."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hosts import Host, gone, new_mark, processes

from paramedic.safe import ClientPool, ConnectFailed, KnownHosts, Limits
from paramedic.safe.proxy import Proxy

RELAY = """
import os, socket, sys, threading
server = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def there():
    while data := os.read(0, 65536):
        server.sendall(data)
    server.shutdown(socket.SHUT_WR)
threading.Thread(target=there, daemon=True).start()
while data := server.recv(65536):
    os.write(1, data)
"""


@pytest.fixture
def relay(tmp_path: Path) -> str:
    (tmp_path / "relay.py").write_text(RELAY)
    return f"{sys.executable} {tmp_path / 'relay.py'} %h %p"


def through(host: Host, folder: Path, command: str, **limits: Any) -> ClientPool:
    (folder / "config").write_text(f"ProxyCommand {command}\n")
    given = host.arguments(config=folder / "config", limits=Limits(**limits))
    del given["username"]
    return ClientPool(host.server.host, **given)


# How a command ends: the words and the phase of the error.
ENDS: dict[str, tuple[str, str, str]] = {
    "it cannot be found": ("/nonexistent/nc %h %p", r"status 127: .*not found", "connect"),
    "it fails without a word": ("false", r"exited with status 1 ", "connect"),
    "it fails and says why": (
        "sh -c 'echo no way there >&2; exit 3'",
        r"exited with status 3: no way there",
        "connect",
    ),
    "it says more than anybody wants": (
        "sh -c 'seq 100000 >&2; echo the end >&2; exit 3'",
        r"status 3: 99999 / 100000 / the end",
        "connect",
    ),
    "it is killed": ("sh -c 'kill -9 $$'", r"was killed by SIGKILL", "connect"),
    "it hangs up and says that all is well": ("true", r"exited with status 0", "connect"),
    "it prints something else": ("sh -c 'echo hello; exit 2'", r"exited with status 2", "connect"),
    "it leaves a child that holds its output": ("sh -c 'sleep {mark} & exit 4'", r"exited with status 4", "connect"),
    "it closes its output first": ("sh -c 'exec 1>&-; sleep 0.1; echo late >&2; exit 9'", r"status 9: late", "connect"),
    "it says nothing": ("sleep {mark}", r"nothing came for 1 s", "banner"),
    "it ignores TERM": ("sh -c 'trap : TERM; while :; do sleep {mark}; done'", r"nothing came for 1 s", "banner"),
}


@pytest.mark.parametrize("story", ENDS)
def test_how_a_proxy_ends_is_told(host: Host, tmp_path: Path, story: str) -> None:
    command, words, phase = ENDS[story]
    mark = new_mark()
    limit_s = 1 if phase == "banner" else 30
    with (
        through(host, tmp_path, command.replace("{mark}", mark), banner=limit_s) as pool,
        pytest.raises(ConnectFailed, match=words) as caught,
    ):
        pool.run("true")
    assert (caught.value.host, caught.value.phase) == (host.server.host, phase)
    assert caught.value.hint
    assert gone("sleep {mark}") and gone("sleep 4713")


def test_a_proxy_whose_own_server_is_too_busy_is_tried_again(host: Host, tmp_path: Path, relay: str) -> None:
    once = tmp_path / "once"
    busy = f"echo kex_exchange_identification: read: Connection reset by peer >&2; touch {once}; exit 255"
    command = f"sh -c 'test -e {once} || {{ {busy}; }}; exec {relay}'"
    with through(host, tmp_path, command) as pool:
        assert pool.run("echo there").text == "there\n"
        assert pool.statistics().failed_connects == 1


def test_a_proxy_that_talks_all_the_time_hangs_nobody(host: Host, tmp_path: Path, relay: str) -> None:
    mark = new_mark()
    with through(host, tmp_path, f"sh -c '(yes {mark} & yes {mark}) >&2 & exec {relay}'") as pool:
        assert pool.run("echo there").text == "there\n"
    assert gone(f"yes {mark}")


def test_a_server_that_takes_its_time_before_it_speaks() -> None:
    from paramedic.lab import Manners, lab

    with lab(Manners(banner_delay_s=1.3)) as server:
        known = KnownHosts(server.known_hosts_file)
        given = {"username": server.user, "key_filename": server.key_file, "known_hosts": known, "allow_agent": False}
        with ClientPool(server.host, port=server.port, look_for_keys=False, **given) as pool:
            assert pool.run("echo late").text == "late\n"
            assert pool.statistics().failed_connects == 0


def test_what_nobody_can_agree_on_is_told_at_once(host: Host) -> None:
    begun = time.monotonic()
    kex = {"kex": ["curve25519-sha256", "curve25519-sha256@libssh.org"]}
    everything = {"ciphers": list(__import__("paramiko").Transport._cipher_info)}
    for disabled in (everything, kex | everything):
        with host.pool(disabled_algorithms=disabled) as pool, pytest.raises(ConnectFailed) as caught:
            pool.run("true")
        assert caught.value.phase == "key exchange"
        assert not caught.value.passing
    assert time.monotonic() - begun < 100  # not ten attempts, each with a longer pause than the last
    assert threading.active_count() < 50


def test_a_proxy_that_no_thread_can_look_after_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    mark, start = new_mark(), threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "paramedic-proxy":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError):
        Proxy(f"sleep {mark}")
    assert not processes(mark)
