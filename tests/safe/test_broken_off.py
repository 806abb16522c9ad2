"""Ctrl-C in the middle of anything that the main thread does: others' work goes on, and no room is lost."""

from __future__ import annotations

import contextlib
import signal
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hosts import Host, collecting

from paramedic.safe import ClientPool
from paramedic.safe.crew import Crew
from paramedic.safe.dispatch import Dispatcher
from paramedic.safe.link import Link
from paramedic.safe.link_channel import LinkChannel
from paramedic.safe.packetizer import Packetizer
from paramedic.safe.plan import Plan
from paramedic.safe.session import Session
from paramedic.safe.sftp_session import SftpSession
from paramedic.safe.shelf import Shelf


def striking(real: Callable[..., Any]) -> Callable[..., Any]:
    """As ``real``, but the first time the main thread gets a Ctrl-C in the middle of it, or right after it."""
    main = threading.main_thread().ident
    if main is None or threading.get_ident() != main:
        pytest.skip("signals' handlers run on the main thread only")
    struck: list[int] = []

    def strike(*args: Any, **kwargs: Any) -> Any:
        found = real(*args, **kwargs)
        if not struck and threading.get_ident() != main:
            struck.append(1)
            signal.pthread_kill(main, signal.SIGINT)
        elif not struck:
            struck.append(1)
            raise KeyboardInterrupt  # what Python's own handler does here
        return found

    return strike


SENDS: dict[str, Callable[[ClientPool, Any], Any]] = {
    "upload": lambda pool, sftp: pool.upload(__file__, "/tmp/paramedic-interrupted"),
    "download": lambda pool, sftp: pool.download(__file__, "/tmp/paramedic-interrupted"),
    "an SFTP client": lambda pool, sftp: sftp.listdir("/"),
}


@pytest.mark.parametrize("what", SENDS)
def test_an_interrupt_in_the_middle_of_a_send_keeps_the_connection(
    host: Host, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    finish = threading.Event()

    def input_of_another() -> Iterator[bytes]:
        finish.wait(60)
        yield b"untouched"

    with host.pool(connections=1) as pool:
        other = pool.submit("cat", input=input_of_another())
        with contextlib.suppress(OSError), pool.sftp() as sftp, monkeypatch.context() as patch:
            patch.setattr(Packetizer, "send_messages", striking(Packetizer.send_messages))
            with pytest.raises(KeyboardInterrupt):
                SENDS[what](pool, sftp)
                threading.Event().wait(60)  # the signal may come a moment later
        finish.set()
        assert other.result(60).stdout == b"untouched"
        assert pool.statistics().lost_connections == 0


@pytest.mark.parametrize(
    ("lend", "owner", "name"),
    [
        ("sftp", Shelf, "take"),
        ("sftp", Shelf, "_open"),
        ("sftp", Shelf, "_pick"),
        ("sftp", Shelf, "_keep"),
        ("sftp", Dispatcher, "ask_for"),
        ("sftp", Dispatcher, "begin_loan"),
        ("sftp", Link, "open_channel"),
        ("client", Dispatcher, "ask_for"),
        ("client", Dispatcher, "begin_loan"),
        ("client", Dispatcher, "end_loan"),
        ("client", Shelf, "_leave"),
        ("client", LinkChannel, "close"),
    ],
)
@pytest.mark.parametrize("kept", [False, True])
def test_an_interrupt_at_any_step_of_lending_gives_the_room_back(
    start_host: Callable[..., Host], monkeypatch: pytest.MonkeyPatch, lend: str, owner: Any, name: str, kept: bool
) -> None:
    with start_host("MaxSessions 1").pool(connections=1) as pool:
        if kept:
            with pool.sftp():
                pass
        with contextlib.suppress(KeyboardInterrupt), monkeypatch.context() as patch:  # some steps are not taken
            patch.setattr(owner, name, striking(getattr(owner, name)))
            with getattr(pool, lend)():
                pass
            threading.Event().wait(0.2)  # the signal may come a moment later
        assert_nothing_is_kept(pool)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (SftpSession, "__init__"),
        (SftpSession, "open"),
        (SftpSession, "_ask"),
        (SftpSession, "_look"),
        (SftpSession, "close"),
        (Dispatcher, "ask_for"),
        (Dispatcher, "begin_loan"),
        (Session, "attach"),
        (Session, "close"),
        (Crew, "ask"),
    ],
)
def test_an_interrupt_at_any_step_of_a_copy_gives_the_room_back(
    start_host: Callable[..., Host], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, owner: Any, name: str
) -> None:
    with start_host("MaxSessions 1").pool(connections=1) as pool:
        assert pool.run("true").ok  # connected
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, striking(getattr(owner, name)))
            with pytest.raises(KeyboardInterrupt):
                pool.download(__file__, tmp_path / "copy")
                threading.Event().wait(60)  # the signal may come a moment later
        assert_nothing_is_kept(pool)
        assert not next(iter(pool._dispatcher._links.values()))._launched


def assert_nothing_is_kept(pool: ClientPool) -> None:
    assert pool.run("echo ok", total_timeout=30).text == "ok\n"
    pool._shelf.clear()
    (link,) = pool._dispatcher._plan.links.values()
    assert (link.open, link.strangers, len(pool._dispatcher._loans)) == (0, 0, 0)
    assert not next(iter(pool._dispatcher._links.values())).guests


class Circle:
    """What only the garbage collector finds."""

    def __init__(self, entered: Any) -> None:
        self.itself = self
        self.entered = entered


def results_under_way(pool: ClientPool) -> Circle:
    results = pool.map(["true", *["sleep 0.5"] * 9])
    next(results)
    return Circle(results)


def a_client(pool: ClientPool) -> Circle:
    client = pool.client()
    client.__enter__()
    return Circle(client)


def an_sftp_client(pool: ClientPool) -> Circle:
    client = pool.sftp()
    client.__enter__()
    return Circle(client)


@pytest.mark.parametrize(("drop", "beside"), [(results_under_way, 0), (a_client, 8), (an_sftp_client, 8)])
def test_what_the_garbage_collector_ends_in_the_middle_of_a_decision_waits_for_its_end(
    host: Host, monkeypatch: pytest.MonkeyPatch, drop: Callable[[ClientPool], Circle], beside: int
) -> None:
    with host.pool(connections=2, sessions=2) as pool:
        dropped = [drop(pool)]
        gone = weakref.ref(dropped[0])
        decide, collected = collecting(dropped)
        monkeypatch.setattr(Plan, "decide", decide)
        running = [pool.submit("sleep 0.3; echo ok") for _ in range(beside)]
        assert collected.wait(60) and gone() is None
        assert [future.result(60).text for future in running] == ["ok\n"] * beside
        with pool.client(), pool.sftp() as sftp:  # all that there is has come back
            assert sftp.listdir("/")
        assert pool.statistics().lost_connections == 0


@pytest.mark.parametrize("at", ["decide", "launched", "connected"])
def test_an_interrupt_in_the_middle_of_a_decision_loses_nothing(
    host: Host, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    with host.pool(connections=1, sessions=1) as pool, ThreadPoolExecutor(4) as others:
        if at != "connected":
            assert pool.run("true").ok  # connected
        owner, name = {
            "decide": (Plan, "decide"),
            "launched": (Session, "attach"),
            "connected": (Crew, "start"),
        }[at]
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, striking(getattr(owner, name)))
            with pytest.raises(KeyboardInterrupt):
                pool.submit("echo lost")
                threading.Event().wait(60)  # the signal may come a moment later
        ran = list(others.map(pool.run, ["echo ok"] * 20, timeout=60))
        assert [result.text for result in ran] == ["ok\n"] * 20
        assert pool.run("echo ok").text == "ok\n"
