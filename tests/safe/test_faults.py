"""Servers that misbehave: every fault ends in a typed error with host, phase and hint; nothing hangs, nothing leaks."""

from __future__ import annotations

import collections
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paramiko
import pytest

from paramedic.lab import Manners, lab
from paramedic.safe import (
    AuthFailed,
    BadConfiguration,
    ClientPool,
    CommandResult,
    CommandTimeout,
    ConnectFailed,
    ConnectionLost,
    Credentials,
    Ending,
    KnownHosts,
    Limits,
    PoolTimeout,
    SafeError,
    SessionRefused,
    packets,
)
from paramedic.safe.link import Link

GRACE = Limits(grace=0.3)


def pool_of(server: Any, **more: Any) -> ClientPool:
    arguments = {
        "port": server.port,
        "username": server.user,
        "key_filename": server.key_file,
        "known_hosts": KnownHosts(server.known_hosts_file),
        "allow_agent": False,
        "look_for_keys": False,
    }
    return ClientPool(server.host, **(arguments | more))


@pytest.fixture(scope="module")
def polite() -> Iterator[Any]:
    with lab() as server:
        yield server


# -- no connection


def test_a_port_where_nobody_listens() -> None:
    with ClientPool("127.0.0.1", port=1) as pool, pytest.raises(ConnectFailed) as caught:
        pool.run("true")
    assert (caught.value.host, caught.value.phase, caught.value.hint) == (
        "127.0.0.1",
        "connect",
        "does sshd listen there?",
    )


def test_a_name_that_does_not_exist() -> None:
    with ClientPool("no-such-host.invalid") as pool, pytest.raises(ConnectFailed, match="resolved"):
        pool.run("true")


@pytest.mark.parametrize(
    "first_words", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-x\r\n" + b"\x00" * 64, b"", b"\xff" * 300 + b"\r\n"]
)
def test_something_that_is_no_ssh_server(first_words: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stop = threading.Event()

        def serve() -> None:
            listener.settimeout(0.1)
            while not stop.is_set():
                try:
                    peer, _ = listener.accept()
                except TimeoutError:
                    continue
                with peer:
                    peer.sendall(first_words)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            limits = Limits(banner=1, connect=1, total=3)
            port = listener.getsockname()[1]
            with ClientPool("127.0.0.1", port=port, limits=limits) as pool, pytest.raises(SafeError) as caught:
                pool.run("true")
            assert isinstance(caught.value, ConnectFailed | CommandTimeout)
        finally:
            stop.set()
            thread.join(10)
        assert not thread.is_alive()


CONNECTS: dict[str, tuple[Manners, dict[str, Any], type[SafeError], str]] = {
    "a server that never says a word": (Manners(no_banner=True), {"limits": Limits(banner=1)}, ConnectFailed, "banner"),
    "a server that answers no login": (Manners(auth_delay_s=60), {"limits": Limits(auth=2)}, AuthFailed, "auth"),
    "a wrong key": (Manners(), {"pkey": paramiko.ECDSAKey.generate(), "key_filename": None}, AuthFailed, "auth"),
    "nothing to log in with": (Manners(), {"key_filename": None}, AuthFailed, "auth"),
    "no such key file": (Manners(), {"key_filename": "/nonexistent/key"}, AuthFailed, "auth"),
    "a key file that is none": (Manners(), {"key_filename": __file__}, BadConfiguration, "auth"),
    "a wrong password": (Manners(keyboard_interactive=True, answer="right"), {"password": "wrong"}, AuthFailed, "auth"),
    "a server that never says a word, and less time than that": (
        Manners(no_banner=True),
        {},
        CommandTimeout,
        "connect",
    ),
    "a server that drops every connection": (Manners(max_connections=0), {}, ConnectFailed, "banner"),
}


@pytest.mark.parametrize("story", CONNECTS)
def test_connects_that_fail(story: str) -> None:
    manners, more, kind, phase = CONNECTS[story]
    with lab(manners) as server, pool_of(server, **more) as pool:
        with pytest.raises(kind) as caught:
            pool.run("true", total_timeout=2 if phase == "connect" else 40)
        assert (type(caught.value), caught.value.host, caught.value.phase) == (kind, server.host, phase)
        assert caught.value.hint


@pytest.mark.parametrize("first_words", [b"", b"SSH-2.0-x\r\n"])
def test_a_server_that_accepts_and_says_nothing_has_as_long_as_connect_timeout(
    first_words: bytes, tmp_path: Path
) -> None:
    # As ssh has it: the time is for the TCP connection, which the kernel makes, and for what follows.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = tmp_path / "config"
        config.write_text(f"Host quiet\nHostName 127.0.0.1\nPort {listener.getsockname()[1]}\nConnectTimeout 1\n")
        held: list[socket.socket] = []

        def accept() -> None:
            held.append(listener.accept()[0])
            held[0].sendall(first_words)

        thread = threading.Thread(target=accept)
        thread.start()
        with (
            ClientPool("quiet", config=str(config), limits=Limits(banner=3600)) as pool,
            pytest.raises(ConnectFailed, match=r"nothing came for 1 s|was not done after") as caught,
        ):
            pool.run("true")
        thread.join()
        held[0].close()
    assert caught.value.phase == ("key exchange" if first_words else "banner")


def test_a_server_that_is_too_busy_is_waited_for() -> None:
    with lab(Manners(max_startups=1)) as server, pool_of(server, connections=4, sessions=1) as pool:
        assert {r.exit_status for r in pool.map(["true"] * 40)} == {0}


# -- sessions and commands


def test_a_server_that_answers_no_exec_is_not_waited_for() -> None:
    with lab(Manners(mute=True)) as server, pool_of(server, limits=GRACE) as pool:
        with pytest.raises(CommandTimeout) as caught:
            pool.run("true", timeout=0.5)
        assert caught.value.ending is Ending.UNKNOWN
        assert caught.value.may_have_started


def test_without_a_limit_a_server_that_answers_no_exec_is_given_as_long_as_for_a_session() -> None:
    with lab(Manners(mute=True)) as server, pool_of(server, limits=Limits(open=5, grace=0.3)) as pool:
        with pytest.raises(CommandTimeout) as caught:
            pool.run("true")
        assert (caught.value.host, caught.value.phase) == (server.host, "exec")
        assert caught.value.may_have_started


def test_a_command_that_the_server_runs_may_take_longer_than_the_answer(polite: Any) -> None:
    limits = Limits(open=4)
    with pool_of(polite, limits=limits) as pool:
        assert pool.run("sleep 6; echo late").text == "late\n"


@pytest.mark.parametrize("code", [1, 2, 4])
@pytest.mark.parametrize("most", [1, 3])
def test_refusals_of_any_kind_lose_nothing(most: int, code: int) -> None:
    with lab(Manners(max_sessions=most, session_refusal_code=code)) as server, pool_of(server) as pool:
        assert {r.exit_status for r in pool.map(["true"] * 60)} == {0}


def test_a_server_that_never_opens_a_session() -> None:
    with lab(Manners(max_sessions=0)) as server, pool_of(server) as pool, pytest.raises(SessionRefused) as caught:
        pool.run("true", total_timeout=20)
    assert caught.value.phase == "open"


def test_a_request_for_a_session_that_is_not_answered_gives_its_slot_back(
    polite: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[tuple[Link, int, bytes]] = []
    route = Link._route

    def silent_once(link: Link, kind: int, message: bytes) -> bool:
        if kind == packets.CHANNEL_OPEN_CONFIRMATION and not kept:
            kept.append((link, kind, bytes(message)))
            return True
        return route(link, kind, message)

    monkeypatch.setattr(Link, "_route", silent_once)
    with pool_of(polite, connections=1, sessions=1, limits=Limits(open=2)) as pool:
        with pytest.raises(CommandTimeout) as caught:
            pool.run("true")
        assert (caught.value.phase, caught.value.may_have_started) == ("open", False)
        assert pool.run("echo on", total_timeout=60).text == "on\n"
        link = kept[0][0]
        link.defer(lambda: route(*kept[0]))  # it comes after all, and what nobody wants any more is closed
        while link._launched:
            assert pool.run("true").ok
        assert pool.statistics().running == 0


def test_names_write_no_lines_of_their_own() -> None:
    with ClientPool("a\n\x1b[31mb@127.0.0.1", port=1) as pool, pytest.raises(ConnectFailed) as caught:
        pool.run("true")
    assert str(caught.value).startswith("a\\n\\x1b[31mb@127.0.0.1: ")


def test_a_server_that_does_not_read_its_input_does_not_hang_the_others() -> None:
    with lab(Manners(stall_window=True)) as server, pool_of(server, limits=GRACE) as pool:
        stuck = pool.submit("cat", input=b"x" * 8_000_000, timeout=1)
        assert pool.run("echo x", timeout=60).text == "x\n"
        assert isinstance(stuck.exception(60), CommandTimeout)


def test_limits_are_kept_while_somebody_is_stuck_in_sending(polite: Any) -> None:
    with pool_of(polite, connections=1) as pool:
        assert pool.run("true", timeout=60).ok
        (link,) = pool._dispatcher._links.values()
        stuck, over = threading.Event(), threading.Event()

        def send() -> None:
            with link.clear_to_send_lock:  # as who sends to a peer that does not read
                stuck.set()
                over.wait(60)

        thread = threading.Thread(target=send)
        thread.start()
        stuck.wait(60)
        try:
            for _ in range(3):
                with pytest.raises(CommandTimeout):
                    pool.run("true", total_timeout=0.3)
            assert not over.is_set() and thread.is_alive()
            assert pool.statistics().timed_out == 3
        finally:
            over.set()
            thread.join(60)
        assert pool.run("echo ok", timeout=60).text == "ok\n"


def test_new_keys_while_everybody_talks_lose_nothing() -> None:
    with lab(Manners(rekey_after_bytes=100_000)) as server, pool_of(server) as pool:
        big = pool.submit("cat", input=bytes(3_000_000), timeout=60)
        results = list(pool.map([f"echo {n}" for n in range(100)], timeout=60))
        assert [int(r.text) for r in results] == list(range(100))
        assert big.result(60).stdout == bytes(3_000_000)


def test_a_connection_that_dies_mid_command_is_told_and_the_next_command_connects_anew() -> None:
    with lab(Manners(reset_after_s=4.0)) as server, pool_of(server) as pool:
        with pytest.raises(ConnectionLost) as caught:
            pool.run("sleep 30")
        assert caught.value.may_have_started
        assert pool.run("echo again").text == "again\n"
        assert pool.statistics().lost_connections == 1


def test_a_command_that_may_run_twice_is_run_again_if_told_so() -> None:
    with lab(Manners(reset_after_s=4.0)) as server, pool_of(server) as pool:
        assert pool.run("sleep 2.4; echo end", retry_safe=True).text == "end\n"
        result = pool.run("sleep 2.4; echo end", retry_safe=True)
        assert result.text == "end\n"
        assert result.attempts == 2


def test_a_dead_peer_is_noticed_by_its_silence() -> None:
    with lab(Manners(silent_after_s=3)) as server, pool_of(server, limits=Limits(grace=0.3, keepalive=0.5)) as pool:
        begun = time.monotonic()
        with pytest.raises(ConnectionLost):
            pool.run("sleep 60")
        assert time.monotonic() - begun < 50


def test_a_dead_peer_of_an_idle_connection_is_noticed_too() -> None:
    with lab(Manners(silent_after_s=3)) as server, pool_of(server, limits=Limits(grace=0.3, keepalive=0.5)) as pool:
        pool.run("true")
        ends = time.monotonic() + 50
        while pool.statistics().connections and time.monotonic() < ends:
            threading.Event().wait(0.1)
        assert (pool.statistics().connections, pool.statistics().lost_connections) == (0, 1)


def test_a_dead_peer_of_a_resting_connection_is_noticed_by_whoever_uses_it() -> None:
    limits = Limits(grace=0.3, keepalive=1.0)  # it rests for 10 s
    with lab(Manners(silent_after_s=3)) as server, pool_of(server, connections=1, limits=limits) as pool:
        pool.run("true")
        threading.Event().wait(4)
        assert pool.run("echo there").text == "there\n"
        assert (pool.statistics().connects, pool.statistics().lost_connections) == (2, 1)


def test_an_idle_connection_is_kept_for_many_keepalives(polite: Any) -> None:
    with pool_of(polite, limits=Limits(keepalive=0.1)) as pool:
        pool.run("true")
        threading.Event().wait(2.5)  # it rests twice; three silences in a row would end it
        pool.run("true")
        assert (pool.statistics().connects, pool.statistics().lost_connections) == (1, 0)


def test_resets_at_random_lose_no_command_without_a_word() -> None:
    with lab(Manners(reset_chance=0.01, seed=7)) as server, pool_of(server, connections=3) as pool:
        futures = [pool.submit(f"echo {n}", retry_safe=n % 2 == 0, total_timeout=60) for n in range(300)]
        kinds: collections.Counter[str] = collections.Counter()
        for n, future in enumerate(futures):
            error = future.exception(90)
            if error is None:
                assert future.result().text == f"{n}\n"
            else:
                assert isinstance(error, SafeError), error
                assert error.host
                assert error.phase
            kinds[type(error).__name__] += 1
        assert sum(kinds.values()) == 300
        counts = pool.statistics()
        assert counts.completed + counts.failed + counts.timed_out == 300


def test_closing_a_pool_of_a_dead_server_takes_no_long_time() -> None:
    with lab(Manners(silent_after_s=3)) as server:
        pool = pool_of(server, limits=Limits(grace=0.2))
        pool.run("true")
        future = pool.submit("sleep 60")
        threading.Event().wait(3.5)
        pool.close(cancel=True)
        assert future.done()


# -- lending


def test_a_client_is_lent_to_one_and_comes_back(polite: Any) -> None:
    with pool_of(polite, connections=2) as pool:
        with pool.client() as first, pool.client() as second:
            assert first.get_transport() is not second.get_transport()
            with pytest.raises(PoolTimeout), pool.client(timeout=0.2):
                pass
            assert first.exec_command("echo x")[1].read() == b"x\n"
        with pool.client() as again:
            assert again.get_transport().is_active()
            again.close()
        assert pool.run("echo y").text == "y\n"


def test_borrowers_and_commands_share(polite: Any) -> None:
    with pool_of(polite, connections=2) as pool:
        futures = [pool.submit("sleep 0.1; echo x") for _ in range(40)]
        for _ in range(3):
            with pool.client() as client:
                assert client.exec_command("echo x")[1].read() == b"x\n"
        assert {f.result(60).text for f in futures} == {"x\n"}


def test_a_kept_sftp_client_keeps_no_connection_from_being_lent(host: Any) -> None:
    with host.pool(connections=1) as pool:
        with pool.sftp() as sftp:
            assert sftp.listdir("/")
        with pool.client(timeout=30) as client:
            assert client.exec_command("echo lent")[1].read() == b"lent\n"
        assert pool.run("true").ok
        with pool.sftp() as sftp:
            assert sftp.listdir("/")


def test_sftp_clients_are_kept_and_a_broken_one_is_not(polite: Any) -> None:
    with pool_of(polite) as pool:
        with pool.sftp() as sftp:
            first = sftp.get_channel()
            assert sftp.listdir(".") is not None
        with pool.sftp() as sftp:
            assert sftp.get_channel() is first
            sftp.close()
        with pool.sftp() as sftp:
            assert sftp.get_channel() is not first
            assert sftp.listdir(".") is not None
        with pytest.raises(ZeroDivisionError), pool.sftp():
            raise ZeroDivisionError
        assert isinstance(pool.run("true"), CommandResult)


# -- streams


def test_a_slow_reader_holds_the_command_up_and_memory_is_bounded(polite: Any) -> None:
    with pool_of(polite) as pool, pool.stream("head -c 20000000 /dev/zero", window_bytes=256 * 1024) as stream:
        total = 0
        most = 0
        for chunk in stream:
            total += len(chunk.data)
            most = max(most, stream._sink.state[1])
        assert total == 20_000_000
        assert most <= 512 * 1024
        assert stream.result().ok


def test_lines_of_both_streams_come_as_they_are_completed(polite: Any) -> None:
    with pool_of(polite) as pool, pool.stream("printf 'a\\nb'; sleep 0.2; printf 'c\\r\\nlast'; echo e >&2") as stream:
        lines = list(stream.lines())
    assert [line.text for line in lines if line.stream == "stdout"] == ["a", "bc", "last"]
    assert [line.text for line in lines if line.stream == "stderr"] == ["e"]


def test_what_ends_a_command_is_raised_after_its_output(polite: Any) -> None:
    with pool_of(polite, limits=GRACE) as pool, pool.stream("echo first; sleep 60", timeout=0.5) as stream:
        seen = []
        with pytest.raises(CommandTimeout):
            seen.extend(line.text for line in stream.lines())
        assert seen == [] or seen == ["first"]
    with ClientPool("127.0.0.1", port=1) as pool, pytest.raises(ConnectFailed):
        list(pool.stream("true"))


# -- who we are


def test_questions_are_answered_on_a_thread_that_reads_nothing() -> None:
    from paramedic.safe import Credentials

    seen: list[tuple[str, list[tuple[str, bool]]]] = []

    def prompt(title: str, instructions: str, prompts: Any) -> list[str]:
        seen.append((threading.current_thread().name, list(prompts)))
        return ["right"]

    with lab(Manners(keyboard_interactive=True, answer="right")) as server:
        credentials = Credentials(prompt=prompt, allow_agent=False, look_for_keys=False)
        with pool_of(server, credentials=credentials) as pool:
            assert pool.run("echo in").text == "in\n"
        assert len(seen) == 1
        assert "connect" in seen[0][0]

        def failing(title: str, instructions: str, prompts: Any) -> list[str]:
            raise RuntimeError("nobody is there")

        credentials = Credentials(prompt=failing, allow_agent=False, look_for_keys=False)
        with (
            pool_of(server, credentials=credentials) as pool,
            pytest.raises(AuthFailed, match="nobody is there") as caught,
        ):
            pool.run("true", total_timeout=20)
        assert (caught.value.host, caught.value.phase) == (pool.host, "auth")


def test_a_command_that_ran_once_and_could_not_be_run_again_may_have_run(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(lab())
        with pool_of(server) as pool:
            future = pool.submit(f"echo begun >> {ledger}; sleep 60", retry_safe=True)
            while not ledger.exists() or not ledger.read_text():
                threading.Event().wait(0.01)
            stack.close()  # now nobody listens there
            with pytest.raises(ConnectionLost, match="could not be run again") as caught:
                future.result(60)
            assert caught.value.may_have_started
            assert caught.value.phase == "connect"
            assert future.ending(1) is Ending.UNKNOWN


def test_who_asks_for_kerberos_where_there_is_none_is_told(
    host: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("paramiko.GSS_AUTH_AVAILABLE", False, raising=False)
    credentials = Credentials(gss=True, allow_agent=False, look_for_keys=False)
    with host.pool(key_filename=None, credentials=credentials) as pool, pytest.raises(AuthFailed, match=r"gssapi\]<4"):
        pool.run("true")


def test_a_password_answers_where_only_questions_are_asked() -> None:
    with lab(Manners(keyboard_interactive=True, answer="right")) as server:
        with pool_of(server, key_filename=None, password="right") as pool:
            assert pool.run("echo in").text == "in\n"
