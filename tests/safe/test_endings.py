"""A timeout or a cancel ends the remote process, and the result says how: shown with ps."""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hosts import Host, gone, new_mark, processes

from paramedic.lab import lab
from paramedic.safe import ClientPool, CommandTimeout, Ending, Limits
from paramedic.safe.ending import Action, steps
from paramedic.safe.hunting import Child, choose, in_order, read_survey
from paramedic.safe.sftp_session import SftpSession


def test_a_timeout_ends_the_remote_process(pool: ClientPool) -> None:
    mark = new_mark()
    with pytest.raises(CommandTimeout) as caught:
        pool.run(f"echo begun; sleep {mark}", timeout=3)
    assert caught.value.ending in (Ending.TERMINATED, Ending.HUNTED)
    assert caught.value.result is not None
    assert caught.value.result.stdout == b"begun\n"
    assert gone(mark)


def test_a_process_that_ignores_term_is_killed(pool: ClientPool) -> None:
    mark = new_mark()
    with pytest.raises(CommandTimeout) as caught:
        pool.run(f"trap '' TERM; sleep {mark}", timeout=3)
    assert caught.value.ending is Ending.KILLED
    assert gone(mark)


def test_children_in_the_background_end_too(pool: ClientPool) -> None:
    mark = new_mark()
    with pytest.raises(CommandTimeout):
        pool.run(f"sleep {mark} & sleep {mark} | cat; wait", timeout=0.5)
    assert gone(mark)


def test_only_the_command_that_timed_out_ends(host: Any) -> None:
    mark, other = new_mark(), "sleep 3; echo survived"
    with host.pool(connections=1) as pool:
        survivors = [pool.submit(other), pool.submit(other)]
        doomed = pool.submit(f"sleep {mark}", timeout=0.5)
        survivors.append(pool.submit(other))
        with pytest.raises(CommandTimeout):
            doomed.result()
        assert gone(mark)
        assert [f.result().text for f in survivors] == ["survived\n"] * 3


def test_many_that_time_out_at_once_all_end(host: Any) -> None:
    mark = new_mark()
    with host.pool(connections=2) as pool:
        futures = [pool.submit(f"sleep {mark}", timeout=1) for _ in range(14)]
        errors = [f.exception() for f in futures]
    assert {type(e) for e in errors} == {CommandTimeout}
    assert gone(mark)


def test_commands_that_come_and_go_hide_no_process(host: Any) -> None:
    mark = new_mark()
    stop = threading.Event()

    def busy(pool: ClientPool) -> None:
        while not stop.is_set():
            pool.run("true")

    with host.pool(connections=1) as pool:
        threads = [threading.Thread(target=busy, args=(pool,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            errors = [future.exception(60) for future in [pool.submit(f"sleep {mark}", timeout=1) for _ in range(2)]]
        finally:
            stop.set()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
    assert {getattr(error, "ending", None) for error in errors} <= {Ending.TERMINATED, Ending.HUNTED}, errors
    assert gone(mark)


@pytest.mark.parametrize("who", ["a client on the shelf", "a client in use", "a copy"])
def test_sftp_sessions_hide_no_process_and_live_on(host: Any, who: str, tmp_path: Path) -> None:
    mark = new_mark()
    (tmp_path / "file").write_bytes(b"x" * 1000)
    with host.pool(connections=1) as pool, contextlib.ExitStack() as stack:
        older = pool.submit("sleep 3; echo survived")
        while not older.running():
            threading.Event().wait(0.01)
        if who == "a copy":
            sftp = SftpSession(pool._dispatcher)
            stack.callback(sftp.close)
            sftp.open(str(tmp_path))
        else:
            lent = stack.enter_context(pool.sftp())
            channel = lent.get_channel()
            if who == "a client on the shelf":
                stack.pop_all().close()
        with pytest.raises(CommandTimeout) as caught:
            pool.run(f"sleep {mark}", timeout=1)
        assert caught.value.ending in (Ending.TERMINATED, Ending.HUNTED)
        assert gone(mark)
        assert older.result(60).text == "survived\n"
        if who == "a client in use":
            assert lent.listdir(str(tmp_path)) == ["file"]
        elif who == "a client on the shelf":
            with pool.sftp() as again:
                assert again.get_channel() is channel


def test_a_leash_ends_what_ignores_signals_when_the_connection_dies(host: Any) -> None:
    mark = new_mark()
    with host.pool() as pool:
        future = pool.submit(f"trap '' HUP; sleep {mark}", leash=True)
        while not processes(mark):
            threading.Event().wait(0.05)
        for link in list(pool._dispatcher._links.values()):
            link.close()
        assert future.exception(60) is not None
        assert gone(mark)


def test_a_timeout_on_a_leash_says_released(pool: ClientPool) -> None:
    mark = new_mark()
    with pytest.raises(CommandTimeout) as caught:
        pool.run(f"sleep {mark}", timeout=0.5, leash=True)
    assert caught.value.ending is Ending.RELEASED
    assert gone(mark)


def test_cancelling_a_running_future_ends_the_remote_process(pool: ClientPool) -> None:
    mark = new_mark()
    future = pool.submit(f"sleep {mark}")
    while not processes(mark):
        threading.Event().wait(0.05)
    assert future.running()
    assert future.cancel()
    assert future.cancelled()
    assert future.ending(60) in (Ending.TERMINATED, Ending.HUNTED)
    assert gone(mark)
    assert future.cancel()  # twice is fine


def test_cancelling_what_waits_means_that_it_never_ran(host: Any) -> None:
    with host.pool(connections=1, sessions=1) as pool:
        first = pool.submit("sleep 1")
        waiting = pool.submit("touch /nonexistent/never")
        assert waiting.cancel()
        assert waiting.ending(60) is Ending.NOT_STARTED
        assert first.result().ok
        assert not first.cancel()


def test_leaving_a_stream_early_ends_the_remote_process(pool: ClientPool) -> None:
    mark = new_mark()
    with pool.stream(f"echo first; sleep {mark}") as stream:
        assert next(iter(stream.lines())).text == "first"
    assert stream.future.ending(60) in (Ending.TERMINATED, Ending.HUNTED)
    assert gone(mark)


def test_the_end_of_a_stream_that_nobody_takes_is_known(pool: ClientPool) -> None:
    # OpenSSH closes a channel when all output of the process was taken, and not before
    mark = new_mark()
    with pool.stream(f"yes {mark}") as stream:
        assert stream.read() is not None
    assert stream.future.ending(60) in (Ending.TERMINATED, Ending.HUNTED)


def test_what_came_before_the_end_of_a_stream_can_be_taken_and_has_no_hole(pool: ClientPool) -> None:
    stream = pool.stream("seq 1000000000", timeout=1)
    assert stream.future.ending(60) in (Ending.TERMINATED, Ending.HUNTED)
    numbers: list[str] = []
    with pytest.raises(CommandTimeout):
        numbers.extend(line.text for line in stream.lines())
    assert numbers == [str(n) for n in range(1, len(numbers) + 1)]
    assert len(numbers) > 100_000


def test_dropping_a_stream_ends_the_remote_process(pool: ClientPool) -> None:
    mark = new_mark()
    stream = pool.stream(f"yes {mark}")
    assert stream.read() is not None
    del stream
    lines = pool.stream(f"yes {mark}").lines()  # no with block, as people write it
    assert next(lines).text == mark
    del lines
    gc.collect()
    assert gone(mark)


def test_the_total_limit_counts_the_wait_for_a_session(host: Any) -> None:
    with host.pool(connections=1, sessions=1) as pool:
        assert pool.run("true").ok  # it is connected
        first = pool.submit("sleep 2")
        with pytest.raises(CommandTimeout) as caught:
            pool.run("true", total_timeout=0.3)
        assert (caught.value.phase, caught.value.ending) == ("queue", Ending.NOT_STARTED)
        assert first.result().ok


def test_a_forced_command_takes_no_signals_and_is_found_all_the_same(start_host: Callable[..., Any]) -> None:
    mark = new_mark()
    with (
        start_host(f"ForceCommand sleep {mark}").pool(limits=Limits(grace=0.5)) as pool,
        pytest.raises(CommandTimeout) as caught,
    ):
        pool.run("whatever", timeout=0.5)
    # The survey is forced to be a sleep as well: nothing is found, and the result does not pretend.
    assert caught.value.ending is Ending.UNKNOWN
    assert "may still be running" in str(caught.value)
    for line in processes(mark):
        os.kill(int(line.split()[0]), signal.SIGKILL)


CTRL_C: dict[str, Callable[[ClientPool, str], object]] = {
    "run": lambda pool, command: pool.run(command),
    "map": lambda pool, command: list(pool.map([command, command])),
    "stream": lambda pool, command: _streamed(pool, command),
}


def _streamed(pool: ClientPool, command: str) -> None:
    with pool.stream(command) as stream:
        for _ in stream:
            pass


@pytest.mark.parametrize("how", CTRL_C)
def test_ctrl_c_comes_back_when_the_remote_processes_are_gone(pool: ClientPool, how: str) -> None:
    mark = new_mark()

    def interrupt() -> None:
        while not processes(mark):
            threading.Event().wait(0.05)
        signal.pthread_kill(main, signal.SIGINT)

    main = threading.get_ident()
    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        CTRL_C[how](pool, f"sleep {mark}")
    assert not processes(mark)
    thread.join(60)
    assert not thread.is_alive()


@pytest.mark.parametrize("how", ["ctrl-c", "exit", "exit without new threads", "exit without the pool"])
def test_ctrl_c_and_the_end_of_the_program_end_the_remote_process(host: Any, how: str) -> None:
    mark = new_mark()
    program = textwrap.dedent(
        f"""
        import atexit, os, signal, sys, threading, time
        from paramedic.safe import ClientPool, KnownHosts

        def refuse(thread):
            raise RuntimeError("can't create new thread at interpreter shutdown")

        if {how == "exit without new threads"}:  # as Python 3.12
            atexit.register(setattr, threading.Thread, "start", refuse)
        pool = ClientPool({host.server.host!r}, port={host.server.port}, username={host.server.user!r},
            key_filename={host.server.key_file!r}, known_hosts=KnownHosts({host.server.known_hosts_file!r}),
            allow_agent=False, look_for_keys=False)
        pool.run("true")
        if {how == "ctrl-c"}:
            threading.Timer(1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
            pool.run("sleep {mark}")
        else:
            pool.submit("sleep {mark}")
            if {how == "exit without the pool"}:
                del pool
            time.sleep(1)
            sys.exit(5)
        """
    )
    done = subprocess.run([sys.executable, "-c", program], timeout=60, capture_output=True, text=True)
    assert done.returncode == (-signal.SIGINT if how == "ctrl-c" else 5), done.stderr
    assert how == "ctrl-c" or not done.stderr
    assert gone(mark)


def test_the_child_of_a_fork_cannot_use_the_pool_and_the_parent_can(host: Any) -> None:
    program = textwrap.dedent(
        f"""
        import os, sys
        from paramedic.safe import ClientPool, KnownHosts, PoolClosed
        pool = ClientPool({host.server.host!r}, port={host.server.port}, username={host.server.user!r},
            key_filename={host.server.key_file!r}, known_hosts=KnownHosts({host.server.known_hosts_file!r}),
            allow_agent=False, look_for_keys=False)
        with pool:
            pending = pool.submit("sleep 1; echo parent")
            with pool.client() as client:
                pid = os.fork()
                if pid == 0:
                    try:
                        pool.run("true")
                    except PoolClosed:
                        try:
                            pending.result(5)
                        except PoolClosed:
                            sys.exit(0)
                    sys.exit(1)
                assert os.waitpid(pid, 0)[1] == 0, "the child"
                assert client.exec_command("echo lent")[1].read() == b"lent\\n"
            assert pending.result(60).text == "parent\\n"
            assert pool.run("echo again").text == "again\\n"
        """
    )
    done = subprocess.run([sys.executable, "-c", program], timeout=60, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_forked_child_leaves_what_it_had_borrowed_without_a_word(host: Any) -> None:
    program = textwrap.dedent(
        f"""
        import faulthandler, os, sys, threading
        from paramedic.safe import ClientPool, KnownHosts
        pool = ClientPool({host.server.host!r}, port={host.server.port}, username={host.server.user!r},
            key_filename={host.server.key_file!r}, known_hosts=KnownHosts({host.server.known_hosts_file!r}),
            allow_agent=False, look_for_keys=False, connections=1)
        with pool:
            held, forked = threading.Event(), threading.Event()
            with pool.sftp() as sftp:
                channel = sftp.get_channel()
                locks = (channel.lock, channel.in_buffer._lock, channel.transport.hand._lock, channel.transport.lock,
                    pool._dispatcher._lock, pool._clock._changed, pool._connector._lock, pool._crew._lock)
                def hold():
                    for lock in locks: lock.acquire()
                    held.set(); forked.wait()
                    for lock in locks[::-1]: lock.release()
                thread = threading.Thread(target=hold)
                thread.start()
                held.wait()
                pid = os.fork()
                if pid:
                    forked.set(); thread.join()
                    assert os.waitpid(pid, 0)[1] == 0, "the child"
                    assert sftp.listdir("/")
                else:
                    faulthandler.dump_traceback_later(20, exit=True)
            if not pid:
                pool.close()
                assert threading.active_count() == 1, threading.enumerate()
                os._exit(0)
            assert pool.run("echo again").text == "again\\n"
        """
    )
    done = subprocess.run([sys.executable, "-c", program], timeout=60, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# -- the pure parts


def child(pid: int, started: int) -> Child:
    return Child(pid=pid, group=pid, started=started)


CHOICES: dict[str, tuple[list[Child], list[bool], list[int] | None]] = {
    "one process, one session": ([child(7, 10)], [True], [7]),
    "the second of three": ([child(7, 10), child(9, 20), child(8, 30)], [False, True, False], [9]),
    "all of them, even without times": ([child(7, 0), child(9, 0)], [True, True], [7, 9]),
    "one of two without times: nobody knows which": ([child(7, 0), child(9, 0)], [True, False], None),
    "a session more than processes: one has just ended": ([child(7, 10)], [True, False], None),
    "a process more than sessions": ([child(7, 10), child(8, 11)], [True], None),
    "two of the same tick: their numbers are an order": ([child(7, 10), child(9, 10)], [False, True], [9]),
    "two of the same tick whose numbers wrapped": ([child(3, 10), child(32000, 10)], [True, False], None),
    "two of the same tick whose numbers wrapped, both to end": (
        [child(3, 10), child(32000, 10), child(9, 11)],
        [True, True, False],
        [3, 32000],
    ),
    "none to end": ([child(7, 10), child(8, 11)], [False, False], []),
}


@pytest.mark.parametrize("story", CHOICES)
def test_who_is_hunted(story: str) -> None:
    children, doomed, expected = CHOICES[story]
    chosen = choose(children, doomed)
    assert (None if chosen is None else [c.pid for c in chosen]) == expected


ORDERS: dict[str, tuple[list[tuple[int, bool]], list[tuple[int, int]], list[bool] | None]] = {
    "nobody else": ([(1, False), (4, True)], [], [False, True]),
    "a guest before": ([(4, True)], [(1, 2)], [False, True]),
    "a guest after, and one in between": ([(1, True), (7, True)], [(8, 9), (3, 3)], [True, False, True, False]),
    "a guest that may have come before or after": ([(4, True)], [(3, 5)], None),
}


@pytest.mark.parametrize("story", ORDERS)
def test_which_session_is_the_how_manyth(story: str) -> None:
    commands, guests, expected = ORDERS[story]
    assert in_order(commands, guests) == expected


SURVEYS: dict[str, tuple[str, list[int] | None]] = {
    "oldest first": ("survey\n9 9 30\n7 7 20\nend\n", [7, 9]),
    "noise of a login script is skipped": ("Welcome!\nsurvey\n9 9 30\nend\n", [9]),
    "cut off": ("survey\n9 9 30\n", None),
    "not a survey": ("command not found\n", None),
    "not numbers": ("survey\n9 x 30\nend\n", None),
}


@pytest.mark.parametrize("story", SURVEYS)
def test_what_a_survey_says(story: str) -> None:
    text, expected = SURVEYS[story]
    children = read_survey(text)
    assert (None if children is None else [c.pid for c in children]) == expected


def test_every_ending_gives_up_at_last_and_says_so() -> None:
    for leash in (False, True):
        last = steps(leash=leash, grace_s=1)[-1]
        assert (last.action, last.ending) == (Action.GIVE_UP, Ending.UNKNOWN)


def test_slow_login_scripts_do_not_save_a_process(start_host: Callable[..., Any], tmp_path: Path) -> None:
    # The survey of a second session runs through them too, and takes longer than the grace of one step.
    (tmp_path / ".bashrc").write_text("sleep 1\n")
    if os.environ.get("SHELL", "/bin/bash") != "/bin/bash":
        pytest.skip("the login script is bash's")
    with start_host(f"SetEnv HOME={tmp_path}").pool(limits=Limits(grace=0.5)) as pool:
        mark = new_mark()
        with pytest.raises(CommandTimeout) as caught:
            pool.run(f"sleep {mark}", timeout=2.5)
        assert caught.value.ending in (Ending.TERMINATED, Ending.HUNTED, Ending.KILLED)
        assert gone(f"sleep {mark}")


# Under what a command may find itself on the other side: login shells, and forced commands that stay its parents.
SHELLS = {
    "bash": 'exec bash -c "$SSH_ORIGINAL_COMMAND"',
    "dash": 'exec dash -c "$SSH_ORIGINAL_COMMAND"',
    "busybox": 'exec busybox sh -c "$SSH_ORIGINAL_COMMAND"',
    "ksh": 'exec ksh -c "$SSH_ORIGINAL_COMMAND"',
    "zsh": 'exec zsh -c "$SSH_ORIGINAL_COMMAND"',
    "tcsh": 'exec tcsh -c "$SSH_ORIGINAL_COMMAND"',
    "fish": 'exec fish -c "$SSH_ORIGINAL_COMMAND"',
    "sh, which waits for a shell": 'sh -c "$SSH_ORIGINAL_COMMAND"; exit $?',
    "sh, where there is no ps": 'PATH=/nowhere exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"',
}


@pytest.mark.parametrize("shell", SHELLS)
def test_processes_are_found_and_ended_whatever_the_shell(start_host: Callable[..., Any], shell: str) -> None:
    if shutil.which(shell.partition(",")[0]) is None:
        pytest.skip(f"{shell} is not installed (Debian has a package of this name)")
    server = start_host(f"ForceCommand {SHELLS[shell]}")
    mark = new_mark()
    finish = threading.Event()

    def input_of_another() -> Iterator[bytes]:
        finish.wait(60)
        yield b"untouched"

    with server.pool(connections=1, limits=Limits(grace=0.5)) as pool:
        other = pool.submit("/bin/cat", input=input_of_another())
        for command in (f"/bin/sleep {mark}", f"/bin/sleep {mark}; echo; /bin/sleep {mark}"):
            with pytest.raises(CommandTimeout) as caught:
                pool.run(command, timeout=1)
            assert caught.value.ending is Ending.HUNTED
        with pytest.raises(CommandTimeout) as caught:  # the shell ends, what it started does not
            pool.run(f"/bin/sh -c 'trap : TERM; while :; do /bin/sleep {mark}; done'; echo", timeout=1)
        assert caught.value.ending in (Ending.HUNTED, Ending.KILLED)
        assert gone(mark)
        finish.set()
        assert other.result(60).stdout == b"untouched"


def test_nobody_elses_command_is_ended_where_one_process_serves_all_connections(tmp_path: Path) -> None:
    """The shell is gone and its output is held open: the only child of the server is another client's command."""
    held, go = tmp_path / "held", tmp_path / "go"
    other = f"touch {held}; while [ ! -e {go} ]; do sleep 0.02; done; echo ok"
    with lab() as server, Host(server).pool() as theirs, Host(server).pool(limits=Limits(grace=0.3)) as ours:
        result = theirs.submit(other, total_timeout=60)
        while not held.exists():
            time.sleep(0.01)
        with pytest.raises(CommandTimeout):
            ours.run(f"setsid sh -c 'until [ -e {go} ]; do sleep 0.02; done' & exit", timeout=0.2)
        go.touch()
        assert (result.result(30).text, result.result(30).signal) == ("ok\n", None)
