"""Groups on a real Dask cluster on this machine."""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hosts import Host, gone, new_mark, processes

from openssh import running_sshd
from paramedic.safe import BadConfiguration, CommandFailed, ConnectionLost, Ending, Group, NotRun
from paramedic.safe.chunks import worker_arguments

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.xdist_group("dask")  # one cluster for all
ADDRESSES = tuple(f"127.0.0.{n}" for n in range(1, 11))
ENDED = {Ending.TERMINATED, Ending.HUNTED, Ending.NOT_STARTED}


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    home = tmp_path_factory.mktemp("home")
    with running_sshd(tmp_path_factory.mktemp("sshd"), f"SetEnv HOME={home}", addresses=ADDRESSES) as server:
        yield Host(server)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=2, host="127.0.0.1", dashboard_address=None, processes=True
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(autouse=True)
def nothing_leaks() -> None:
    """Dask's own threads come and go as they like; the other tests count ours."""


def group(many: Host, client: Any, **more: Any) -> Group:
    server = many.server
    setup = functools.partial(
        worker_arguments, [server.known_hosts_file], "strict", [server.key_file], None, allow_agent=False
    )
    return Group(
        ADDRESSES,
        username=server.user,
        port=server.port,
        executor=client.get_executor(pure=False),
        worker_setup=setup,
        chunk_size=3,
        **more,
    )


def test_equal_commands_run_as_often_as_asked_and_failures_come_back(many: Host, cluster: Any) -> None:
    with group(many, cluster) as hosts:
        result = hosts.run(["echo $$", "echo $$", "exit 3"], timeout=20)
        again = hosts.run(["echo $$"], timeout=20)
    assert [o.host for o in result] == [address for address in ADDRESSES for _ in range(3)]
    pids = [o.result.text for o in (*result, *again) if o.result and o.result.text]
    assert len(set(pids)) == len(pids) == 30, "Dask merges equal calls unless told not to"
    assert {type(o.failure) for o in result.failed} == {CommandFailed}
    assert len(result.failed) == 10


def lines_after_a_lost_worker(many: Host, client: Any, tmp_path: Path, **more: Any) -> tuple[list[str], Any]:
    """Kills the worker that runs the only chunk, under way; returns what the hosts wrote, and the outcomes."""
    file = tmp_path / "begun"
    file.write_text("")
    command = f"set -- $SSH_CONNECTION; echo $3 >> {file}; sleep 2"
    with group(many, client) as hosts, ThreadPoolExecutor(1) as threads:
        hosts._chunk_size = 10
        running = threads.submit(lambda: hosts.run(command, timeout=30, **more))
        deadline = time.monotonic() + 30
        while len(file.read_text().split()) < len(ADDRESSES) and time.monotonic() < deadline:
            time.sleep(0.05)
        pids = client.run(os.getpid)
        (busy,) = [address for address, tasks in client.processing().items() if tasks]
        os.kill(pids[busy], signal.SIGKILL)
        return file.read_text().split(), (running.result(60), file.read_text().split())


def test_a_lost_workers_hosts_are_reported_and_nothing_runs_twice(many: Host, cluster: Any, tmp_path: Path) -> None:
    begun, (result, after) = lines_after_a_lost_worker(many, cluster, tmp_path)
    assert sorted(begun) == sorted(after) == sorted(ADDRESSES)
    assert {type(outcome.error) for outcome in result} == {ConnectionLost}
    assert {outcome.error.may_have_started for outcome in result} == {True}
    assert sorted(outcome.host for outcome in result) == sorted(ADDRESSES)


def test_a_lost_workers_hosts_are_run_again_if_told_so(many: Host, cluster: Any, tmp_path: Path) -> None:
    begun, (result, after) = lines_after_a_lost_worker(many, cluster, tmp_path, retry_safe=True)
    assert sorted(begun) == sorted(ADDRESSES)
    assert sorted(after) == sorted([*ADDRESSES, *ADDRESSES])
    assert result.ok


def test_the_command_line_takes_a_cluster(many: Host, cluster: Any, tmp_path: Any) -> None:
    server = many.server
    words = [sys.executable, "-m", "paramedic.cli.main", "exec", "--dask", cluster.scheduler.address, "-F", os.devnull]
    login = ["-u", server.user, "-p", str(server.port), "-i", server.key_file, "--known-hosts", server.known_hosts_file]
    done = subprocess.run(
        [*words, *login, "-H", "127.0.0.[1-4]", "--", "echo x"],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == [f"127.0.0.{n}: x" for n in range(1, 5)]


def test_the_first_failure_ends_what_runs_on_other_workers(many: Host, cluster: Any) -> None:
    mark = new_mark()
    commands = dict.fromkeys(ADDRESSES, f"sleep {mark}")
    commands["127.0.0.1"] = f"while ! pgrep -f '^sleep {mark}' >&2; do sleep 0.1; done; exit 3"
    with group(many, cluster) as hosts:
        result = hosts.run(commands, fail_fast=True)
    assert [o.result.exit_status for o in result if o.result is not None] == [3]
    stopped = [o.error for o in result if o.host != "127.0.0.1"]
    assert {type(error) for error in stopped} == {NotRun}
    assert {error.ending for error in stopped if isinstance(error, NotRun)} <= ENDED
    assert not processes(mark)


def test_leaving_early_ends_what_runs_on_the_workers(many: Host, cluster: Any) -> None:
    mark = new_mark()
    with group(many, cluster) as hosts:
        outcomes = hosts.as_completed(
            {"127.0.0.1": "true", "127.0.0.2": "true", "127.0.0.3": "true", "127.0.0.4": f"sleep {mark}"}
        )
        assert next(outcomes).host in ADDRESSES
        while not processes(mark):
            time.sleep(0.05)
        outcomes.close()  # type: ignore[attr-defined]
    assert gone(mark)


def no_setup() -> dict[str, Any]:
    raise ZeroDivisionError("no vault")


def test_a_setup_that_fails_on_the_workers_is_told_and_nothing_was_run() -> None:
    with ThreadPoolExecutor(1) as executor, Group(ADDRESSES, executor=executor, worker_setup=no_setup) as hosts:
        result = hosts.run("true", retry_safe=True)
    assert {type(outcome.error) for outcome in result} == {BadConfiguration}
    assert {str(outcome.error).partition(": ")[2] for outcome in result} == {
        "worker_setup is no good on the worker: ZeroDivisionError: no vault (nothing was run: call it there by hand)"
    }


def last_process() -> dict[str, Any]:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def test_a_pool_of_processes_that_is_broken_is_told_for_each_host() -> None:
    with (
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor,
        Group(ADDRESSES, executor=executor, worker_setup=last_process, chunk_size=3) as hosts,
    ):
        result = hosts.run("true", retry_safe=True, timeout=30)
    assert [outcome.host for outcome in result] == list(ADDRESSES)
    assert {type(outcome.error) for outcome in result} == {ConnectionLost}


def test_what_runs_when_the_cluster_is_lost_is_not_told_as_not_run(many: Host, cluster: Any, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    with (
        distributed.Client(cluster.scheduler.address, set_as_default=False) as client,
        group(many, client) as hosts,
        ThreadPoolExecutor(1) as threads,
    ):
        hosts._chunk_size = 10
        running = threads.submit(hosts.run, f"touch {begun}; sleep 2", timeout=30)
        deadline = time.monotonic() + 60
        while not begun.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        client.close()
        result = running.result(60)
    assert [type(outcome.error) for outcome in result] == [ConnectionLost] * len(ADDRESSES)
    assert {outcome.error.may_have_started for outcome in result if isinstance(outcome.error, ConnectionLost)} == {True}
