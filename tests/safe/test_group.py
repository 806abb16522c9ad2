"""One command on many hosts: addresses of the loopback network, all of one sshd with Debian's limits."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hosts import Host, gone, new_mark, processes

from openssh import running_sshd
from paramedic.safe import (
    BadConfiguration,
    CommandFailed,
    CommandTimeout,
    ConnectFailed,
    ConnectionLost,
    Credentials,
    Ending,
    Group,
    GroupError,
    NotRun,
    PoolClosed,
)

ADDRESSES = tuple(f"127.0.0.{n}" for n in range(1, 16))  # sshd listens on 16 sockets at most


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    home = tmp_path_factory.mktemp("home")
    with running_sshd(tmp_path_factory.mktemp("sshd"), f"SetEnv HOME={home}", addresses=ADDRESSES) as server:
        yield Host(server)


def group(many: Host, hosts: Any = ADDRESSES, **more: Any) -> Group:
    return Group(hosts, **many.arguments(**more))


def test_results_come_in_the_hosts_order(many: Host) -> None:
    with group(many) as hosts:
        result = hosts.run("echo $SSH_CONNECTION")
    assert [o.host for o in result] == list(ADDRESSES)
    assert [o.result.text.split()[2] for o in result if o.result] == list(ADDRESSES)
    assert result.ok
    assert result.check() is result


def test_several_commands_and_commands_of_their_own(many: Host) -> None:
    with group(many) as hosts:
        several = hosts.run(["echo a", "echo b"])
        own = hosts.run({"127.0.0.2": "echo two", "127.0.0.1": ["echo one", "echo uno"]})
    assert [o.result.text for o in several if o.result] == ["a\n", "b\n"] * len(ADDRESSES)
    assert [(o.host, o.result.text) for o in own if o.result] == [
        ("127.0.0.1", "one\n"),
        ("127.0.0.1", "uno\n"),
        ("127.0.0.2", "two\n"),
    ]


def test_more_unauthenticated_connections_than_sshd_takes_lose_nothing(many: Host) -> None:
    # 45 at once on MaxStartups 10:30:100: sshd drops some of them before it says who it is.
    aliases = [
        f"{user}{address}"
        for user in ("", f"{many.server.user}@", f"ssh://{many.server.user}@")
        for address in ADDRESSES
    ]
    with group(many, aliases, concurrency=45) as hosts:
        assert [o.error for o in hosts.run("true")] == [None] * 45


def test_failures_are_told_apart_and_do_not_stop_the_others(many: Host) -> None:
    with group(many, [*ADDRESSES[:3], f"127.0.0.1:{1}"]) as hosts:
        result = hosts.run('case "$SSH_CONNECTION" in *127.0.0.2*) exit 3;; esac')
        assert [o.host for o in result.succeeded] == ["127.0.0.1", "127.0.0.3"]
        assert [type(o.failure) for o in result.failed] == [CommandFailed, ConnectFailed]
        with pytest.raises(GroupError) as caught:
            result.check()
    assert {e.host for e in caught.value.exceptions} == {"127.0.0.2", "127.0.0.1:1"}
    matched, rest = caught.value.split(ConnectFailed)
    assert isinstance(matched, GroupError)
    assert isinstance(rest, GroupError)


def test_fail_fast_ends_what_runs_and_starts_nothing_more(many: Host) -> None:
    mark = new_mark()
    commands = dict.fromkeys(ADDRESSES, f"sleep {mark}") | {"127.0.0.3": "exit 1"}
    with group(many, concurrency=5) as hosts:
        begun = time.monotonic()
        result = hosts.run(commands, fail_fast=True)
        assert time.monotonic() - begun < 60
    assert len(result) == len(ADDRESSES)
    assert isinstance(result["127.0.0.3"].failure, CommandFailed)
    assert {type(o.error) for o in result if o.host != "127.0.0.3"} == {NotRun}
    assert gone(mark)


def test_limits_per_command_and_for_all(many: Host) -> None:
    mark = new_mark()
    with group(many, ADDRESSES[:4]) as hosts:
        timed = hosts.run(f"sleep {mark}", timeout=0.5)
        assert {type(o.error) for o in timed} == {CommandTimeout}
        whole = hosts.run(f"sleep {mark}", deadline=0.5)
        assert {type(o.error) for o in whole} == {NotRun}
        assert {o.error.ending for o in whole if isinstance(o.error, NotRun)} <= {Ending.TERMINATED, Ending.HUNTED}
        assert "ended: the time for the whole group was up" in str(whole.outcomes[0].error)
        assert not processes(mark)
        never = hosts.run(["sleep 2"] * 20, deadline=1)
        endings = [o.error.ending for o in never if isinstance(o.error, NotRun)]
        assert len(endings) == 80
        assert Ending.NOT_STARTED in endings
        assert hosts.run("true").ok
    assert gone(mark)


def test_outcomes_come_as_they_end(many: Host, tmp_path: Path) -> None:
    with group(many, ADDRESSES[:3]) as hosts:
        hosts.run("true")
        order = ["127.0.0.3", "127.0.0.2", "127.0.0.1"]
        commands = {address: f"while ! test -e {tmp_path}/{address}; do sleep 0.05; done" for address in sorted(order)}
        outcomes = iter(hosts.as_completed(commands))
        for address in order:
            (tmp_path / address).touch()
            assert next(outcomes).host == address
        assert list(outcomes) == []


def test_leaving_the_iterator_early_ends_the_rest(many: Host) -> None:
    mark = new_mark()
    with group(many, ADDRESSES[:4]) as hosts:
        outcomes = hosts.as_completed({**dict.fromkeys(ADDRESSES[:4], f"sleep {mark}"), "127.0.0.1": "true"})
        assert next(outcomes).host == "127.0.0.1"
        outcomes.close()  # type: ignore[attr-defined]
    assert gone(mark)


def test_connections_are_kept_for_the_next_command_up_to_the_limit(many: Host) -> None:
    with group(many, concurrency=4) as hosts:
        hosts.run("true")
        assert len(hosts._pools) == 4
        hosts.run("true")
        assert {pool.statistics().connects for pool in hosts._pools.values()} == {1}


def test_hosts_that_were_left_early_make_room_for_others(many: Host) -> None:
    with group(many, concurrency=4) as hosts:
        outcomes = hosts.as_completed({"127.0.0.1": "true", **dict.fromkeys(ADDRESSES[1:4], "sleep 60")})
        assert next(outcomes).host == "127.0.0.1"
        outcomes.close()  # type: ignore[attr-defined]
        assert hosts.run(dict.fromkeys(ADDRESSES[4:], "true")).ok
        assert not set(hosts._pools) & set(ADDRESSES[:4])


def _only_one_copies(monkeypatch: pytest.MonkeyPatch, trouble: BaseException) -> None:
    """The start of a second thread that copies fails so."""
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith("paramedic-copy-") and not thread.name.endswith("-0"):
            raise trouble
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)


def test_copies_go_on_where_fewer_threads_can_be_started_than_wanted(
    many: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _only_one_copies(monkeypatch, RuntimeError("can't start new thread"))
    (tmp_path / "file").write_text("text")
    with group(many, ADDRESSES[:3]) as hosts:
        assert hosts.upload(tmp_path / "file", str(tmp_path / "copy")).ok
    assert (tmp_path / "copy").read_text() == "text"


def test_ctrl_c_while_copies_begin_leaves_no_thread_behind(
    many: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _only_one_copies(monkeypatch, KeyboardInterrupt())
    (tmp_path / "file").write_text("text")
    with group(many, ADDRESSES[:3]) as hosts, pytest.raises(KeyboardInterrupt):
        hosts.upload(tmp_path / "file", str(tmp_path / "copy"))
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("paramedic-copy-")]


def test_equal_outputs_are_folded(many: Host) -> None:
    with group(many, ADDRESSES[:5]) as hosts:
        result = hosts.run('case "$SSH_CONNECTION" in *127.0.0.4*) echo odd;; *) echo same;; esac')
    assert [(len(names), o.result.text) for names, o in result.folded() if o.result] == [(4, "same\n"), (1, "odd\n")]


def test_a_closed_group_says_so(many: Host) -> None:
    with group(many) as hosts:
        pass
    with pytest.raises(PoolClosed):
        hosts.run("true")


def test_a_mapping_with_a_stranger_is_told(many: Host) -> None:
    with group(many) as hosts, pytest.raises(BadConfiguration, match="nobody"):
        hosts.run({"nobody": "true"})


# -- executors


def worker_arguments(server: Any) -> dict[str, Any]:
    from paramedic.safe import KnownHosts

    return {
        "key_filename": server.key_file,
        "known_hosts": KnownHosts(server.known_hosts_file),
        "allow_agent": False,
        "look_for_keys": False,
    }


def on(executor: Executor, many: Host, **more: Any) -> Group:
    setup = functools.partial(worker_arguments, many.server)
    given: dict[str, Any] = {"port": many.server.port, "username": many.server.user, "chunk_size": 4}
    return Group(ADDRESSES[:10], executor=executor, worker_setup=setup, **(given | more))


@pytest.mark.parametrize("kind", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_chunks_of_hosts_run_on_any_executor(many: Host, kind: Any) -> None:
    options = {} if kind is ThreadPoolExecutor else {"mp_context": __import__("multiprocessing").get_context("spawn")}
    with kind(2, **options) as executor, on(executor, many) as hosts:
        result = hosts.run(["echo a", "echo $SSH_CONNECTION; exit 2"], timeout=20)
    assert [o.host for o in result] == [address for address in ADDRESSES[:10] for _ in "ab"]
    assert [o.result.exit_status for o in result if o.result] == [0, 2] * 10
    assert result.outcomes[0].result is not None
    assert result.outcomes[0].result.ending is Ending.EXITED


class Broken(Executor):
    """An executor that loses every worker, the first ``times``."""

    def __init__(self, times: int) -> None:
        self.times = times

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        from concurrent.futures import Future

        future: Future[Any] = Future()
        self.times -= 1
        if self.times >= 0:
            future.set_exception(RuntimeError("the worker is gone"))
        else:
            future.set_result(fn(*args, **kwargs))
        return future


def test_a_lost_workers_hosts_are_reported_or_retried(many: Host) -> None:
    with on(Broken(3), many) as hosts:
        lost = hosts.run("true")
        assert {type(o.error) for o in lost} == {ConnectionLost}
        assert [o.error.host for o in lost if o.error] == list(ADDRESSES[:10])
    with on(Broken(3), many) as hosts:
        assert hosts.run("true", retry_safe=True).ok


def test_secrets_do_not_travel(many: Host) -> None:
    import pickle

    with pytest.raises(BadConfiguration, match="secrets"):
        on(ThreadPoolExecutor(1), many, password="x")
    with pytest.raises(TypeError):
        pickle.dumps(Credentials(password="x"))
    assert "hunter2" not in repr(Credentials(password="hunter2", passphrase="hunter2"))
