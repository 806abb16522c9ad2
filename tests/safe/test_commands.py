"""What a command is given, and what comes back, on a real OpenSSH server."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import os
import pickle
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from paramedic.safe import (
    BadCommand,
    BadConfiguration,
    ClientPool,
    CommandError,
    CommandFailed,
    CommandFuture,
    CommandResult,
    CommandTimeout,
    ConnectFailed,
    ConnectionLost,
    Ending,
    Group,
    Limits,
    PoolClosed,
    SafeError,
    SessionRefused,
    packets,
)
from paramedic.safe.connections import Borrower
from paramedic.safe.link import Link
from paramedic.safe.packets import Packet

COMMANDS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "both streams come back apart": ("echo out; echo err >&2", {}, {"stdout": b"out\n", "stderr": b"err\n"}),
    "the exit status is the command's": ("exit 42", {}, {"exit_status": 42, "signal": None}),
    "a signal is named": ("kill -KILL $$", {}, {"exit_status": None, "signal": "KILL"}),
    "output that is no text stays bytes": ("printf '\\377\\376\\000abc'", {}, {"stdout": b"\xff\xfe\x00abc"}),
    "without input, the input is empty": ("cat; echo end", {}, {"stdout": b"end\n"}),
    "bytes are an input": ("cat", {"input": b"\x00\xff\n"}, {"stdout": b"\x00\xff\n"}),
    "text is an input": ("cat", {"input": "grüße"}, {"stdout": "grüße".encode()}),
    "a file is an input": ("cat", {"input": io.BytesIO(b"line\n" * 9)}, {"stdout": b"line\n" * 9}),
    "an iterator is an input": ("cat", {"input": iter([b"a", b"b", b""])}, {"stdout": b"ab"}),
    "an input that nobody reads is no error": ("exit 0", {"input": b"x" * 3_000_000}, {"exit_status": 0}),
    "on a terminal both streams are one": ("echo out; echo err >&2", {"terminal": True}, {"stdout": b"out\r\nerr\r\n"}),
    "a command on a leash keeps its status": ("echo x; echo y >&2; exit 7", {"leash": True}, {"exit_status": 7}),
    "a command may be long": (f"true {'x' * 100_000}; echo end", {}, {"stdout": b"end\n"}),
}


@pytest.mark.parametrize("story", COMMANDS)
def test_commands(pool: ClientPool, story: str) -> None:
    command, arguments, expected = COMMANDS[story]
    result = pool.run(command, timeout=30, **arguments)
    assert {name: getattr(result, name) for name in expected} == expected
    assert result.ending is Ending.EXITED


def _ended_by_itself(pool: ClientPool) -> CommandFuture:
    future = pool.submit("echo out; echo err >&2")
    assert future.result(30).ok
    return future


def _cancelled(pool: ClientPool) -> CommandFuture:
    future = pool.submit("sleep 60")
    future.end(30)
    return future


def _timed_out(pool: ClientPool) -> CommandFuture:
    future = pool.submit("sleep 60", timeout=0.1)
    assert isinstance(future.exception(30), CommandTimeout)
    return future


@pytest.mark.parametrize("way", [_ended_by_itself, _cancelled, _timed_out])
def test_what_has_ended_is_forgotten_without_the_garbage_collector(
    pool: ClientPool, way: Callable[[ClientPool], CommandFuture]
) -> None:
    gc.disable()
    try:
        known = weakref.ref(way(pool))
        ends = time.monotonic() + 30
        while known() is not None and time.monotonic() < ends:
            threading.Event().wait(0.01)  # the thread that settled it may be at its last line
        assert known() is None
    finally:
        gc.enable()


FLOODS = {
    "stderr only": "head -c 5000000 /dev/zero >&2",
    "stdout only": "head -c 5000000 /dev/zero",
    "stderr before stdout": "head -c 3000000 /dev/zero >&2; head -c 3000000 /dev/zero",
    "both at once": "head -c 3000000 /dev/zero >&2 & head -c 3000000 /dev/zero; wait",
    "more than the largest window": "head -c 50000000 /dev/zero",
}


@pytest.mark.parametrize("story", FLOODS)
def test_no_size_or_order_of_output_hangs(pool: ClientPool, story: str) -> None:
    result = pool.run(FLOODS[story], timeout=60)
    wanted = {"stderr only": 5, "stdout only": 5, "more than the largest window": 50}.get(story, 6) * 1_000_000
    assert len(result.stdout) + len(result.stderr) == wanted


def test_a_big_input_passes_through_while_output_comes(pool: ClientPool) -> None:
    data = bytes(range(256)) * 40_000
    assert pool.run("cat", input=data, timeout=60).stdout == data


def test_an_input_that_fails_ends_the_command(pool: ClientPool) -> None:
    def broken() -> Any:
        yield b"a"
        raise OSError("the disk is gone")

    with pytest.raises(CommandError, match="its input failed: OSError: the disk is gone") as caught:
        pool.run("cat; sleep 60", input=broken(), timeout=30)
    assert isinstance(caught.value.__cause__, OSError)
    assert (caught.value.host, caught.value.phase) == (pool.host, "run")


def test_an_sftp_client_is_as_new_for_each_borrower_and_nobodys_when_given_back(pool: ClientPool) -> None:
    with pool.sftp() as first:
        channel = first.get_channel()
        assert channel is not None
        first.chdir("/tmp")
        file = first.open("/etc/passwd")  # before, it may take longer than that
        first.get_channel().settimeout(0.001)  # type: ignore[union-attr]
    with pool.sftp() as second:
        assert second.get_channel() is channel
        assert channel.gettimeout() != 0.001
        assert second.getcwd() is None
        for use in (lambda: first.stat("/"), lambda: file.read(1), lambda: first.listdir("/")):
            with pytest.raises(OSError, match=r"given back|closed"):
                use()
        first.close()
        assert second.stat("/").st_mode is not None


def test_an_input_that_is_no_bytes_is_told(pool: ClientPool) -> None:
    # bytes(3) are three zeros
    with pytest.raises(CommandError, match="its input failed: TypeError"):
        pool.run("cat", input=[3], timeout=30)  # type: ignore[list-item]


@pytest.mark.parametrize("trouble", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()])
def test_an_input_that_ends_its_thread_ends_the_command(pool: ClientPool, trouble: BaseException) -> None:
    def words() -> Iterator[bytes]:
        yield b"some"
        raise trouble

    with pytest.raises(CommandError, match=f"its input failed: {type(trouble).__name__}") as caught:
        pool.run("cat", input=words(), timeout=30)
    assert caught.value.__cause__ is trouble


@pytest.mark.parametrize("limit", [-1.0, float("nan")])
def test_limits_that_are_none_are_told(pool: ClientPool, limit: float) -> None:
    with pytest.raises(ValueError, match="run="):
        Limits(run=limit)
    if limit != limit:
        with pytest.raises(ValueError, match="not a number"):
            pool.run("true", timeout=limit)


@pytest.mark.parametrize("limit", ["5", b"5", [5], object()])
@pytest.mark.parametrize("which", ["timeout", "total_timeout"])
def test_a_limit_that_is_no_number_ends_nobodys_connection(pool: ClientPool, which: str, limit: Any) -> None:
    others = pool.submit("sleep 0.3; echo others")
    with pytest.raises(TypeError):
        pool.run("true", **{which: limit})
    assert others.result(30).text == "others\n"
    assert pool.run("true", **{which: 10**400}).ok
    assert pool.run("true", **{which: Fraction(60)}).ok
    assert pool.statistics().lost_connections == 0


def test_one_string_is_not_several(pool: ClientPool) -> None:
    with pytest.raises(TypeError, match="several"):
        pool.map("ls")
    with pytest.raises(TypeError, match="several"):
        Group("web1,web2")
    assert pool.statistics().connects == 0, "no letter was run"


@pytest.mark.parametrize("port", [0, -1, 65536, 70000, "22"])
def test_a_port_that_is_none_is_told_before_another_is_connected_to(port: Any) -> None:
    for config in (None, os.devnull):
        with pytest.raises(BadConfiguration, match="not a port") as told:
            ClientPool("127.0.0.1", port=port, config=config)
        assert (told.value.host, told.value.phase) == ("127.0.0.1", "configuration")
    for host in (3, None, b"h"):
        with pytest.raises(BadConfiguration, match="not a host"):
            ClientPool(host)  # type: ignore[arg-type]


@pytest.mark.parametrize("address", ["web1:0", "web1:x", "we b", "-v", "[::1", "[::1]22"])
def test_an_address_that_is_none_is_told_with_its_name(address: str) -> None:
    for config in (None, os.devnull):
        with pytest.raises(BadConfiguration) as told:
            ClientPool(address, config=config)
        assert (told.value.host, told.value.phase, bool(told.value.hint)) == (address, "configuration", True)


def test_a_window_that_lets_nothing_through_is_told(pool: ClientPool) -> None:
    for size in (0, -1):
        with pytest.raises(ValueError, match="window_bytes"):
            pool.stream("true", window_bytes=size)
    for size in (1, 2**40):
        assert b"".join(chunk.data for chunk in pool.stream("echo 123", window_bytes=size)) == b"123\n"


@pytest.mark.parametrize("command", ["", "   ", "a\0b"])
def test_a_command_that_cannot_be_sent_is_told_at_once(pool: ClientPool, command: str) -> None:
    with pytest.raises(BadCommand):
        pool.submit(command)


def test_a_command_longer_than_the_system_takes_is_the_remote_shells_error(pool: ClientPool) -> None:
    # Linux takes 128 KiB per argument; OpenSSH's child says so and exits, and other commands go on.
    with pytest.raises(SafeError):
        pool.run("true " + "x" * 200_000, timeout=30, check=True)
    assert pool.run("echo alive").text == "alive\n"


@pytest.mark.parametrize(
    ("command", "environment"),
    [
        ("true " + "x" * 300_000, None),
        ("true", {"NAME": "x" * 300_000}),
        ("true \ud800", None),
        ("true", {"NAME": "\0"}),
        ("true", {"NAME": 1}),
        ("true", {b"NAME": "1"}),
    ],
)
def test_what_would_end_the_connection_of_others_is_not_sent(pool: ClientPool, command: str, environment: Any) -> None:
    lost = pool.statistics().lost_connections
    with pool.stream("echo began; sleep 1; echo other") as other:
        assert next(other.lines()).text == "began"
        with pytest.raises(BadCommand) as caught:
            pool.run(command, environment=environment)
        assert caught.value.host and caught.value.phase == "queue" and caught.value.hint
        assert [line.text for line in other.lines()] == ["other"]
    assert pool.statistics().lost_connections == lost


@pytest.mark.parametrize("sessions", [1, 2])
def test_sftp_clients_that_nobody_uses_keep_no_command_waiting(start_host: Any, sessions: int) -> None:
    with start_host(f"MaxSessions {sessions}").pool(connections=1) as pool:
        with contextlib.ExitStack() as stack:
            for _ in range(sessions):
                assert stack.enter_context(pool.sftp()).stat("/")
        assert [result.text for result in pool.map(["echo x"] * 5)] == ["x\n"] * 5


def test_a_copy_on_a_server_that_gives_one_session_leaves_commands_other_connections(start_host: Any) -> None:
    with start_host("MaxSessions 1").pool(connections=2) as pool, pool.sftp() as sftp:
        assert pool.run("echo x", total_timeout=60).text == "x\n"
        assert sftp.stat("/")


def test_commands_that_wait_for_a_copy_run_when_it_is_over(start_host: Any) -> None:
    with start_host("MaxSessions 1").pool(connections=1) as pool:
        with pool.sftp() as sftp:
            futures = [pool.submit("echo x") for _ in range(3)]
            assert sftp.stat("/")
        assert [future.result(60).text for future in futures] == ["x\n"] * 3


def test_streams_whose_sessions_are_refused_at_first_lose_no_output(start_host: Any) -> None:
    with start_host("MaxSessions 1").pool(connections=1) as pool:
        streams = [pool.stream(f"echo {n}") for n in range(12)]
        assert [b"".join(chunk.data for chunk in stream) for stream in streams] == [b"%d\n" % n for n in range(12)]
        assert pool.statistics().refused_sessions


def test_check_raises_with_the_result(pool: ClientPool) -> None:
    with pytest.raises(CommandFailed, match="exit status 3: no such thing") as caught:
        pool.run("echo no such thing >&2; exit 3", check=True)
    assert caught.value.result is not None
    assert caught.value.result.exit_status == 3
    assert caught.value.host == pool.host


def test_results_and_errors_travel_between_processes(pool: ClientPool) -> None:
    result = pool.run("echo x")
    assert pickle.loads(pickle.dumps(result)) == result
    with pytest.raises(CommandFailed) as caught:
        pool.run("exit 1", check=True)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy), str(copy), copy.result) == (CommandFailed, str(caught.value), caught.value.result)


def test_map_keeps_the_order_and_leaving_it_early_ends_the_rest(pool: ClientPool) -> None:
    assert [int(r.text) for r in pool.map(f"echo {n}" for n in range(100))] == list(range(100))
    results = pool.map(["echo first", *(["sleep 51.25"] * 20)])
    assert next(results).text == "first\n"
    results.close()  # type: ignore[attr-defined]
    assert pool.run("echo alive", total_timeout=30).ok


def test_futures_work_with_the_standard_library(pool: ClientPool) -> None:
    futures = [pool.submit(f"echo {n}") for n in range(30)]
    assert sorted(int(f.result().text) for f in as_completed(futures, timeout=30)) == list(range(30))


def test_a_callback_may_use_the_pool_and_runs_on_no_reader(pool: ClientPool) -> None:
    seen: list[tuple[str, CommandResult]] = []
    done = threading.Event()

    def callback(future: Any) -> None:
        seen.append((threading.current_thread().name, pool.run("echo inner", total_timeout=20)))
        done.set()

    pool.submit("sleep 0.2").add_done_callback(callback)
    assert done.wait(30)
    assert seen[0][0].endswith("-callbacks")
    assert seen[0][1].text == "inner\n"


@pytest.mark.parametrize("sessions", [1, 2, 5, 10])
def test_the_servers_session_limit_is_learned_and_nothing_is_lost(
    start_host: Callable[..., Any], sessions: int
) -> None:
    with start_host(f"MaxSessions {sessions}").pool(sessions=10, connections=2) as pool:
        results = list(pool.map(["true"] * 150))
        assert [r.exit_status for r in results] == [0] * 150
        assert pool.statistics().session_limit <= 2 * sessions


def test_a_server_that_takes_no_sessions_is_told_so(start_host: Callable[..., Any]) -> None:
    with start_host("MaxSessions 0").pool() as pool, pytest.raises(SessionRefused):
        pool.run("true", total_timeout=30)


def test_five_hundred_threads_share_a_small_pool(host: Any) -> None:
    with host.pool(connections=2) as pool, ThreadPoolExecutor(500) as threads:
        texts = list(threads.map(lambda n: pool.run(f"echo {n}").text, range(500)))
    assert texts == [f"{n}\n" for n in range(500)]


def test_a_closed_pool_says_so(host: Any) -> None:
    pool = host.pool()
    with pool:
        future = pool.submit("sleep 0.3; echo end")
    assert future.result(0).text == "end\n"  # leaving the block waited for it
    with pytest.raises(PoolClosed):
        pool.run("true")
    pool.close()


def test_closing_under_way_ends_every_command_one_way_or_the_other(host: Any) -> None:
    pool = host.pool(connections=2)
    futures = [pool.submit("sleep 52.25") for _ in range(60)]
    assert not futures[0].done()
    pool.close(cancel=True)
    assert {type(f.exception(0)) for f in futures} == {PoolClosed}


def test_statistics_add_up(host: Any) -> None:
    with host.pool() as pool:
        list(pool.map(["true"] * 20))
        with pytest.raises(TimeoutError):
            pool.run("sleep 50.25", timeout=0.2)
        counts = pool.statistics()
    assert (counts.completed, counts.timed_out, counts.queued, counts.running) == (20, 1, 0, 0)


def test_a_command_that_cannot_be_sent_keeps_all_of_a_map_from_running(pool: ClientPool, tmp_path: Path) -> None:
    with pytest.raises(BadCommand):
        pool.map([f"touch {tmp_path / 'ran'}"] * 50 + [""])
    assert pool.statistics().queued == pool.statistics().running == pool.statistics().connects == 0
    assert not list(tmp_path.iterdir())


def _without_threads(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """As in a program that has too many: no thread whose name has ``what`` in it can be started."""
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if what in thread.name:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)


def _borrow(pool: ClientPool) -> Borrower:
    borrower = Borrower()
    pool._dispatcher.ask_for(borrower)
    return borrower


def test_where_no_thread_can_be_started_to_connect_everybody_is_told(
    host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without_threads(monkeypatch, "-connect-")
    with host.pool() as pool:
        with pytest.raises(ConnectFailed, match="no thread"):
            pool.run("true")
        borrowers = [_borrow(pool) for _ in range(3)]
        for borrower in borrowers:
            with pytest.raises(ConnectFailed, match="no thread"):
                borrower.result(20)


def test_who_cannot_be_connected_waits_for_the_one_who_tries(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with host.pool() as pool:
        tried: list[Future[Any]] = []
        monkeypatch.setattr(pool._dispatcher, "_connect", lambda key: None)  # the first is on its way for ever
        tried.append(_borrow(pool))
        _without_threads(monkeypatch, "-connect-")
        tried.extend(_borrow(pool) for _ in range(3))
        assert not any(borrower.done() for borrower in tried)
        assert pool.statistics().failed_connects == 1  # the next attempt is made later, not at once and for ever


def test_an_input_that_no_thread_can_send_ends_the_command(pool: ClientPool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pool.run("cat", input=iter([b"some"])).stdout == b"some"
    _without_threads(monkeypatch, "-input")
    with pytest.raises(ConnectionLost):
        pool.run("cat", input=iter([b"some"]))
    assert pool.run("echo on").text == "on\n"


def test_ctrl_c_while_a_session_is_asked_for_gives_its_room_back(
    host: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("text")
    open_channel, wait = Link.open_channel, threading.Event.wait

    def interrupted(self: Any, *args: Any, **options: Any) -> Any:
        raise KeyboardInterrupt

    with host.pool(connections=1, sessions=1) as pool:
        assert pool.run("true").ok
        monkeypatch.setattr(Link, "open_channel", interrupted)
        with pytest.raises(KeyboardInterrupt), pool.sftp():
            pass
        monkeypatch.setattr(Link, "open_channel", open_channel)
        with pool.sftp(timeout=20) as sftp:
            assert sftp.stat(str(tmp_path / "file")).st_size == 4
        pool._shelf.clear()
        monkeypatch.setattr(threading.Event, "wait", interrupted)
        try:
            with pytest.raises(KeyboardInterrupt):
                pool.upload(tmp_path / "file", str(tmp_path / "copy"))
        finally:
            monkeypatch.setattr(threading.Event, "wait", wait)
        assert pool.upload(tmp_path / "file", str(tmp_path / "copy")).files == 1


def test_what_the_server_said_when_it_ended_the_connection_is_told(pool: ClientPool) -> None:
    stream = pool.stream("echo began; sleep 60")
    assert next(stream.lines()).text == "began"
    (link,) = pool._dispatcher._links.values()
    link.send((Packet(packets.eof(99)),))  # what Paramiko does in a race: sshd disconnects everybody
    with pytest.raises(ConnectionLost, match="while the command ran; the server said: .*nonexistent channel"):
        stream.result(60)
