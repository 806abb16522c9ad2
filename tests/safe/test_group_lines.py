"""A group's lines as they come: addresses of the loopback network, all of one sshd."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hosts import Host, gone, new_mark

from openssh import running_sshd
from paramedic.safe import (
    BadConfiguration,
    CommandTimeout,
    ConnectFailed,
    Ending,
    Group,
    HostLine,
    HostOutcome,
    Limits,
    NotRun,
)

ADDRESSES = tuple(f"127.0.0.{n}" for n in range(1, 6))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    home = tmp_path_factory.mktemp("home")
    with running_sshd(tmp_path_factory.mktemp("sshd"), f"SetEnv HOME={home}", addresses=ADDRESSES) as server:
        yield Host(server)


def group(many: Host, hosts: Any = ADDRESSES, **more: Any) -> Group:
    return Group(hosts, **many.arguments(**more))


def lines_of(told: list[HostLine | HostOutcome], host: str) -> list[tuple[str, str]]:
    return [(one.stream, one.text) for one in told if isinstance(one, HostLine) and one.host == host]


def test_each_line_comes_while_its_command_runs(many: Host, tmp_path: Path) -> None:
    command = f"echo first; while ! test -e {tmp_path}/go; do sleep 0.05; done; echo second"
    with group(many) as hosts:
        told = hosts.lines(command)
        first = [next(told) for _ in ADDRESSES]
        assert {(one.host, one.text) for one in first if isinstance(one, HostLine)} == {
            (address, "first") for address in ADDRESSES
        }
        (tmp_path / "go").touch()
        rest = list(told)
    for address in ADDRESSES:
        *lines, last = [one for one in rest if one.host == address]
        assert [one.text for one in lines if isinstance(one, HostLine)] == ["second"]
        assert isinstance(last, HostOutcome)
        assert last.ok
        assert last.result is not None
        assert last.result.stdout == b""


def test_streams_are_told_apart_and_the_last_line_may_lack_its_end(many: Host) -> None:
    with group(many, ADDRESSES[:2]) as hosts:
        told = list(hosts.lines("echo out; echo err >&2; printf rest; exit 3"))
    for address in ADDRESSES[:2]:
        assert sorted(lines_of(told, address)) == [("stderr", "err"), ("stdout", "out"), ("stdout", "rest")]
        assert lines_of(told, address)[-1] == ("stdout", "rest")
        *_, last = [one for one in told if one.host == address]
        assert isinstance(last, HostOutcome)
        assert last.result is not None
        assert last.result.exit_status == 3
        assert not last.ok


def test_several_commands_of_one_host_keep_their_lines_apart(many: Host) -> None:
    with group(many, ADDRESSES[:1]) as hosts:
        told = list(hosts.lines([f"for i in 1 2 3; do echo {name} $i; done" for name in "abc"]))
    for name in "abc":
        lines = [
            one.text
            for one in told
            if isinstance(one, HostLine) and one.command.startswith(f"for i in 1 2 3; do echo {name}")
        ]
        assert lines == [f"{name} {n}" for n in (1, 2, 3)]
    assert sum(isinstance(one, HostOutcome) for one in told) == 3


def test_a_consumer_that_takes_nothing_makes_the_hosts_wait(many: Host, tmp_path: Path) -> None:
    # of this a window's worth may come: the command cannot end before the rest was taken
    size = 40 << 20
    done = tmp_path / "done"
    with group(many, ADDRESSES[:1]) as hosts:
        told = hosts.lines(f"echo; yes $(printf %01023d) | head -c {size}; touch {done}")
        assert isinstance(next(told), HostLine)
        pool = hosts.pool(ADDRESSES[0])
        pool.run("true")
        assert not done.exists()
        count = sum(len(one.data) + 1 for one in told if isinstance(one, HostLine))
        assert done.exists()
    assert count == size


def test_leaving_early_ends_the_commands(many: Host) -> None:
    mark = new_mark()
    with group(many) as hosts:
        told = hosts.lines(f"echo begun; sleep {mark}")
        for _ in ADDRESSES:
            assert isinstance(next(told), HostLine)
        told.close()  # type: ignore[attr-defined]
    assert gone(mark)


def test_time_limits_and_failures_are_told_after_the_lines(many: Host) -> None:
    mark = new_mark()
    with group(many, [*ADDRESSES[:2], "127.0.0.200:1"], limits=Limits(connect=5)) as hosts:
        told = list(hosts.lines(f"echo begun; sleep {mark}", timeout=1))
    for address in ADDRESSES[:2]:
        line, outcome = [one for one in told if one.host == address]
        assert isinstance(line, HostLine)
        assert isinstance(outcome, HostOutcome)
        assert isinstance(outcome.error, CommandTimeout)
    (unreached,) = [one for one in told if one.host.startswith("127.0.0.200")]
    assert isinstance(unreached, HostOutcome)
    assert isinstance(unreached.error, ConnectFailed)
    assert gone(mark)


def test_a_deadline_and_the_first_failure_end_the_others(many: Host) -> None:
    mark = new_mark()
    with group(many, ADDRESSES[:3]) as hosts:
        late = list(hosts.lines(f"sleep {mark}", deadline=1))
        failed = list(
            hosts.lines({ADDRESSES[0]: "exit 1", **dict.fromkeys(ADDRESSES[1:3], f"sleep {mark}")}, fail_fast=True)
        )
    assert [isinstance(one, HostOutcome) and isinstance(one.error, NotRun) for one in late] == [True] * 3
    assert {one.host: isinstance(one.error, NotRun) for one in failed if isinstance(one, HostOutcome)} == {
        ADDRESSES[0]: False, ADDRESSES[1]: True, ADDRESSES[2]: True,
    }  # fmt: skip
    assert gone(mark)


def test_a_flood_does_not_outlast_the_deadline(many: Host) -> None:
    # the queue between the hosts and who takes the lines is never empty
    with group(many, ADDRESSES[:2]) as hosts:
        told = list(hosts.lines("yes", deadline=1))
    for address in ADDRESSES[:2]:
        *lines, last = [one for one in told if one.host == address]
        assert len(lines) > 1000
        assert {one.text for one in lines[:-1] if isinstance(one, HostLine)} == {"y"}
        assert isinstance(last, HostOutcome)
        assert isinstance(last.error, NotRun)
        assert last.error.ending in (Ending.TERMINATED, Ending.HUNTED)


def test_two_threads_have_their_own_lines(many: Host) -> None:
    with group(many) as hosts, ThreadPoolExecutor(2) as threads:
        both = threading.Barrier(2)

        def take(word: str) -> set[str]:
            both.wait(30)
            told = hosts.lines(f"for i in $(seq 50); do echo {word}; done")
            return {one.text for one in told if isinstance(one, HostLine)}

        assert list(threads.map(take, ("left", "right"))) == [{"left"}, {"right"}]


def test_an_executors_workers_send_no_lines(many: Host) -> None:
    with ThreadPoolExecutor(1) as executor:
        with Group(ADDRESSES[:1], executor=executor) as hosts, pytest.raises(BadConfiguration, match="send no lines"):
            next(hosts.lines("true"))
