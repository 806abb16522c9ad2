"""Commands by a runner: the same as with sessions of their own, but for what it costs."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from accounts import account
from alike import ALIKE
from hosts import Host, gone, new_mark, processes

from openssh import running_sshd
from paramedic.safe import ClientPool, CommandTimeout, ConnectionLost, Ending, Limits, runner_frames

SHELLS = ("/bin/dash", "/bin/zsh", "/bin/ksh", "/usr/bin/fish", "/bin/csh")


def with_runner(pool: ClientPool) -> None:
    """Waits until commands are run by the runner."""
    deadline = 600
    while not pool.run("true").by_runner:
        deadline -= 1
        assert deadline and not pool.statistics().why_no_runner, pool.statistics()
        threading.Event().wait(0.05)


def runner_of(pool: ClientPool) -> int:
    """The process of the pool's only runner."""
    result = pool.run("echo $PPID")
    assert result.by_runner
    return int(result.text)


@pytest.fixture
def pool(host: Host) -> Iterator[ClientPool]:
    with host.pool(runner=True, connections=1) as pool:
        with_runner(pool)
        yield pool


def by_runner(pool: ClientPool, command: str) -> list[Any]:
    result = pool.run(command)
    assert result.by_runner, command
    return [result.exit_status, result.signal, result.stdout, result.stderr]


def by_session(pool: ClientPool, command: str) -> list[Any]:
    output = {"stdout": b"", "stderr": b""}
    stream = pool.stream(command)  # always in a session of its own, on the same connection
    for chunk in stream:
        output[chunk.stream] += chunk.data
    result = stream.result()
    return [result.exit_status, result.signal, *output.values()]


def differences(pool: ClientPool, commands: dict[str, str], *, without_numbers: bool = False) -> dict[str, Any]:
    """The commands of which, run five times each way, no two ends are the same: races of the shells decide nothing."""

    def compared(said: list[Any]) -> list[Any]:
        return [*said[:2], *(re.sub(rb"\d{3,}", b"N", each) if without_numbers else each for each in said[2:])]

    found = {}
    for name, command in commands.items():
        ours: list[Any] = []
        theirs: list[Any] = []
        while len(ours) < 5:
            ours.append(compared(by_runner(pool, command)))
            theirs.append(compared(by_session(pool, command)))
            if any(each in theirs for each in ours):
                break
        else:
            found[name] = (ours, theirs)
    return found


def test_all_is_as_in_a_session_of_its_own(pool: ClientPool) -> None:
    found = differences(pool, ALIKE)
    assert sorted(found) == [], found


@pytest.mark.parametrize("shell", SHELLS)
def test_and_so_it_is_with_other_login_shells(shell: str) -> None:
    with account(shell) as arguments, ClientPool(**arguments) as pool:
        with_runner(pool)
        # A csh tells of jobs that are done if they are by the time that it is; ksh and csh tell processes' numbers.
        commands = {name: text for name, text in ALIKE.items() if "csh" not in shell or "&" not in text}
        found = differences(pool, commands, without_numbers=True)
        assert sorted(found) == [], found


def test_a_script_that_sshd_runs_for_each_session_is_run_for_each() -> None:
    with account("/bin/bash") as arguments:
        folder = Path(pwd.getpwnam(arguments["username"]).pw_dir) / ".ssh"
        folder.mkdir()
        (folder / "rc").write_text("echo x >> /tmp/$USER.rc\n")
        count = Path("/tmp") / f"{arguments['username']}.rc"
        try:
            with ClientPool(**arguments) as pool:
                while not pool.statistics().why_no_runner:
                    assert not pool.run("true").by_runner
            assert "sshrc" in pool.statistics().why_no_runner
            assert count.read_text().count("x") == pool.statistics().completed + 1  # and for the runner
        finally:
            count.unlink(missing_ok=True)


def test_accounts_of_one_number_have_homes_of_their_own() -> None:
    with (
        account("/bin/bash") as first,
        account("/bin/bash", twin_of=first["username"]) as second,
        ClientPool(**second) as pool,
    ):
        with_runner(pool)
        assert differences(pool, {"the folder": "pwd", "the home": "cd; pwd", "the name": "echo $LOGNAME"}) == {}


@contextlib.contextmanager
def _at_home(tmp_path_factory: pytest.TempPathFactory, bashrc: str) -> Iterator[ClientPool]:
    home = tmp_path_factory.mktemp("spoken")
    (home / ".bashrc").write_text(bashrc)
    with (
        running_sshd(tmp_path_factory.mktemp("sshd"), f"SetEnv HOME={home}") as server,
        Host(server).pool(runner=True, connections=1) as pool,
    ):
        yield pool


def test_what_start_up_files_leave_running_speaks_into_no_command(tmp_path_factory: pytest.TempPathFactory) -> None:
    late = "case $BASH_EXECUTION_STRING in *paramedic-runner*) (sleep 20; echo late) & esac\n"
    with _at_home(tmp_path_factory, late) as pool:
        deadline = 600
        while not pool.statistics().why_no_runner:
            assert pool.run("echo works; exit 3").exit_status == 3
            deadline -= 1
            assert deadline
            threading.Event().wait(0.05)
        assert "start-up files leave something running" in pool.statistics().why_no_runner


def test_start_up_files_are_read_once_per_command(tmp_path_factory: pytest.TempPathFactory) -> None:
    with _at_home(tmp_path_factory, "echo hello\nexport PATH=$PATH:/added ADDED=1\ncd /\n") as pool:
        with_runner(pool)
        assert differences(pool, {"what they say": "echo $PATH; pwd", "the variables": "env | sort"}) == {}


def test_what_a_session_of_its_own_is_needed_for_gets_one(pool: ClientPool) -> None:
    results = {
        "input": pool.run("wc -c", input=b"x" * 4097),
        "a file": pool.run("wc -c", input=[b"x" * 10]),
        "variables": pool.run("true", environment={"LC_ALL": "C"}),
        "a terminal": pool.run("tty", terminal=True),
        "a leash": pool.run("true", leash=True),
    }
    assert [name for name, result in results.items() if result.by_runner or not result.ok] == []
    small = pool.run("wc -c; sleep 0.1", input=b"x" * 4096)
    assert (small.by_runner, small.text) == (True, "4096\n")
    unread = pool.run("exit 3", input="nobody reads this")
    assert (unread.by_runner, unread.exit_status) == (True, 3)


def test_many_at_once_keep_what_is_theirs(pool: ClientPool) -> None:
    commands = [f"printf {n}; printf -- -{n} >&2; exit {n % 256}" for n in range(400)]
    results = list(pool.map(commands))
    assert [(r.stdout, r.stderr, r.exit_status) for r in results] == [
        (b"%d" % n, b"-%d" % n, n % 256) for n in range(400)
    ]
    assert all(result.by_runner for result in results)
    assert pool.statistics().by_runner >= 400
    assert pool.statistics().connects == 1


# -- how they end


@pytest.mark.parametrize(
    ("command", "ending"),
    [
        ("echo begun; sleep {}", Ending.TERMINATED),
        ("echo begun; trap '' TERM; sleep {}", Ending.KILLED),
        ("echo begun; sleep {} & sleep {} | cat; wait", Ending.TERMINATED),
        ("echo begun; sleep {} &", Ending.TERMINATED),  # the shell is gone, and what it started keeps the output
    ],
)
def test_a_timeout_ends_the_processes_and_nobody_elses(pool: ClientPool, command: str, ending: Ending) -> None:
    mark, other = new_mark(), pool.submit("sleep 4; echo survived")
    future = pool.submit(command.replace("{}", mark), timeout=2)
    error = future.exception(60)
    assert isinstance(error, CommandTimeout)
    assert error.ending is ending
    assert error.result is not None and error.result.stdout == b"begun\n" and error.result.by_runner
    assert gone(mark)
    assert other.result(60).text == "survived\n"


def test_what_left_its_group_is_given_up_and_the_runner_goes_on(host: Host) -> None:
    mark = new_mark()
    with host.pool(runner=True, connections=1, limits=Limits(grace=0.3)) as pool:
        with_runner(pool)
        with pytest.raises(CommandTimeout) as caught:
            pool.run(f"setsid sleep {mark} & echo begun", timeout=1)
        assert caught.value.ending is Ending.UNKNOWN
        assert pool.run("echo on").by_runner
        for line in processes(mark):
            os.kill(int(line.split()[0]), signal.SIGKILL)
    assert gone(mark)


def test_cancelling_ends_the_process(pool: ClientPool) -> None:
    mark = new_mark()
    future = pool.submit(f"sleep {mark}")
    while not processes(mark):
        threading.Event().wait(0.05)
    assert future.cancel()
    assert future.ending(60) is Ending.TERMINATED
    assert gone(mark)


def test_a_command_beside_the_runner_is_found(pool: ClientPool) -> None:
    mark = new_mark()
    stream = pool.stream(f"echo begun; sleep {mark}", timeout=2)
    with pytest.raises(CommandTimeout) as caught:
        for _ in stream:
            pass
    assert caught.value.ending in (Ending.TERMINATED, Ending.HUNTED)
    assert gone(mark)
    assert pool.run("true").by_runner


def test_a_flood_is_ended_while_it_flows(pool: ClientPool) -> None:
    mark = new_mark()
    error = pool.submit(f"sleep {mark} & yes | head -c 300000000 >&2; wait", timeout=1).exception(60)
    assert isinstance(error, CommandTimeout)
    assert error.ending in (Ending.TERMINATED, Ending.KILLED)
    assert gone(mark)


# -- when the runner ends


def test_a_runner_that_dies_is_told_and_nothing_is_run_twice(pool: ClientPool, tmp_path: Path) -> None:
    mark, file = new_mark(), tmp_path / "runs"
    futures = [pool.submit(f"echo {n} >> {file}; exec sleep {mark}") for n in range(3)]
    while len(processes(mark)) < 3 or len(file.read_text().split()) < 3:
        threading.Event().wait(0.05)
    runner = runner_of(pool)
    os.kill(runner, signal.SIGKILL)
    errors = [future.exception(60) for future in futures]
    for error in errors:
        assert isinstance(error, ConnectionLost)
        assert error.may_have_started
        assert "runner" in error.message
    assert {future.ending(60) for future in futures} == {Ending.UNKNOWN}
    assert sorted(file.read_text().split()) == ["0", "1", "2"]
    for line in processes(mark):  # as when sshd dies: what it ran is not its own
        os.kill(int(line.split()[0]), signal.SIGKILL)
    with_runner(pool)


def test_what_may_run_twice_does_when_the_runner_dies(pool: ClientPool, tmp_path: Path) -> None:
    file = tmp_path / "runs"
    future = pool.submit(f"echo x >> {file}; [ $(wc -l < {file}) = 2 ] || exec sleep 60.5", retry_safe=True)
    while not file.exists():
        threading.Event().wait(0.05)
    runner = runner_of(pool)
    os.kill(runner, signal.SIGKILL)
    result = future.result(60)
    assert (result.ok, result.attempts) == (True, 2)


def test_runners_that_die_again_and_again_are_done_without(pool: ClientPool) -> None:
    for _ in range(3):
        with_runner(pool)
        os.kill(runner_of(pool), signal.SIGKILL)
        deadline = 600
        while pool.run("true", retry_safe=True).by_runner:
            deadline -= 1
            assert deadline
    while not pool.statistics().why_no_runner:
        assert pool.run("true").ok
    assert "ended" in pool.statistics().why_no_runner
    assert not pool.run("true").by_runner


def test_a_lost_connection_is_told(pool: ClientPool) -> None:
    mark = new_mark()
    future = pool.submit(f"sleep {mark}")
    while not processes(mark):
        threading.Event().wait(0.05)
    runner = runner_of(pool)
    for link in list(pool._dispatcher._links.values()):
        link.close()
    error = future.exception(60)
    assert isinstance(error, ConnectionLost)
    assert error.may_have_started
    for line in processes(mark):
        os.kill(int(line.split()[0]), signal.SIGKILL)
    assert _ended(runner)
    with_runner(pool)


def test_nothing_stays_when_the_client_is_killed(host: Host) -> None:
    program = f"""
        from paramedic.safe import ClientPool, KnownHosts
        pool = ClientPool(
            {host.server.host!r}, port={host.server.port}, username={host.server.user!r}, runner=True, connections=1,
            key_filename={host.server.key_file!r}, known_hosts=KnownHosts({host.server.known_hosts_file!r}),
            allow_agent=False, look_for_keys=False,
        )
        while not pool.run("true").by_runner:
            pass
        print(pool.run("echo $PPID").text, flush=True)
        import threading
        threading.Event().wait()
    """
    words = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        runner = int(client.stdout.readline())
        assert not _ended(runner, within=1)
        client.kill()
    assert _ended(runner)


def test_a_closed_pool_leaves_no_runner(host: Host) -> None:
    with host.pool(runner=True, connections=1) as pool:
        with_runner(pool)
        runner = runner_of(pool)
    assert _ended(runner)


def _ended(process: int, within: int = 600) -> bool:
    while Path(f"/proc/{process}").exists():
        within -= 1
        if not within:
            return False
        threading.Event().wait(0.05)
    return True


# -- where there is none


@contextlib.contextmanager
def _unfit(host: Host, **more: Any) -> Iterator[ClientPool]:
    with host.pool(runner=True, connections=1, **more) as pool:
        deadline = 600
        while not pool.statistics().why_no_runner:
            result = pool.run("echo works; exit 3")
            assert (result.text, result.exit_status, result.by_runner) == ("works\n", 3, False)
            deadline -= 1
            assert deadline
            threading.Event().wait(0.05)
        assert pool.run("echo works").text == "works\n"
        yield pool


def test_a_forced_command_sees_every_command(start_host: Callable[..., Host]) -> None:
    with _unfit(start_host('ForceCommand eval "$SSH_ORIGINAL_COMMAND"')) as pool:
        assert "forced command" in pool.statistics().why_no_runner


def test_without_a_python_there_are_sessions(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_frames, "PYTHONS", "/no/python3")
    with _unfit(host) as pool:
        assert "no Python" in pool.statistics().why_no_runner


def test_a_python_that_cannot_is_done_without(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_frames, "PYTHONS", "/bin/false")
    with _unfit(host) as pool:
        assert "ended before it began" in pool.statistics().why_no_runner


def test_a_system_that_starts_no_sessions_is_done_without(
    host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python = tmp_path / "python3"
    python.write_text(
        "#!/bin/sh\n"
        'exec /usr/bin/env python3 -ISc "import os, sys\n'
        "def spawn(*words, **more): raise NotImplementedError\n"
        "os.posix_spawn = spawn\n"
        'exec(sys.argv.pop(1))" "$2" "$3" "$4" "$5"\n'
    )
    python.chmod(0o755)
    monkeypatch.setattr(runner_frames, "PYTHONS", str(python))
    with _unfit(host) as pool:
        assert "session of its own" in pool.statistics().why_no_runner


def test_one_that_does_not_answer_keeps_nobody_waiting(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_frames, "PYTHONS", "/usr/bin/yes")
    with host.pool(runner=True, connections=1, limits=Limits(open=5)) as pool:
        assert pool.run("echo works").text == "works\n"


def test_one_that_stops_is_given_up(host: Host) -> None:
    with host.pool(runner=True, connections=1, limits=Limits(open=3, grace=0.3)) as pool:
        with_runner(pool)
        assert pool.run("sleep 4; echo slow").text == "slow\n"  # it was told in time that it runs
        runner = runner_of(pool)
        os.kill(runner, signal.SIGSTOP)
        try:
            error = pool.submit("true").exception(60)
            assert isinstance(error, CommandTimeout)
            assert (error.phase, error.ending, error.may_have_started) == ("exec", Ending.UNKNOWN, True)
            result = pool.run("echo on")
            assert (result.text, result.by_runner) == ("on\n", False)
        finally:
            os.kill(runner, signal.SIGCONT)
    assert _ended(runner)


def test_one_that_can_make_no_process_has_its_commands_run_in_sessions(host: Host) -> None:
    with host.pool(runner=True, connections=1) as pool:
        with_runner(pool)
        subprocess.run(["prlimit", "--nofile=8", "--pid", str(runner_of(pool))], check=True, timeout=60)
        result = pool.run("echo works; exit 3")
        assert (result.text, result.exit_status, result.by_runner, result.attempts) == ("works\n", 3, False, 1)


def test_where_the_server_gives_one_session_only_all_are_served(start_host: Callable[..., Host]) -> None:
    with start_host("MaxSessions 1").pool(runner=True, connections=1) as pool:
        assert [result.text for result in pool.map([f"echo {n}" for n in range(50)])] == [f"{n}\n" for n in range(50)]
        assert [chunk.data for chunk in pool.stream("echo streamed")] == [b"streamed\n"]
        assert pool.run("wc -c", input=b"x" * 5000).text == "5000\n"


def test_where_the_server_gives_one_session_only_files_are_copied(
    start_host: Callable[..., Host], tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"x" * 1000)
    with start_host("MaxSessions 1").pool(runner=True, connections=1) as pool:
        for _ in range(100):  # until it is there, or it is known that it cannot be
            if pool.run("true").by_runner or pool.statistics().why_no_runner:
                break
        assert pool.upload(tmp_path / "file", str(tmp_path / "copy")).files == 1
        assert pool.run("echo on").text == "on\n"


def test_a_pool_has_no_runner_unless_it_is_asked_for(host: Host) -> None:
    with host.pool() as pool:
        for _ in range(3):
            assert not pool.run("true").by_runner
        assert pool.statistics().why_no_runner == ""
