"""``pytest --paramedic`` in projects of its own: what fails, where it is told, and what it costs who does not ask."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

pytest_plugins = ["pytester"]

CONFTEST = """
import os, threading
import pytest

def connected(server):
    import paramiko
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=20)
    return client

def one_after_the_other(first, second):
    # ordered by something that nobody watches: another order is possible
    r, w = os.pipe()
    def a():
        first(); os.write(w, b"x")
    def b():
        os.read(r, 1); second()
    together(a, b)

def together(*works):
    threads = [threading.Thread(target=work) for work in works]
    for t in threads: t.start()
    for t in threads: t.join(20)

def share(sftp):
    one_after_the_other(lambda: sftp.listdir("."), lambda: sftp.stat("."))

@pytest.fixture
def client(paramedic_lab):
    with connected(paramedic_lab) as client:
        yield client
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """An empty project, whose tests may use what stands above."""
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    pytester.makeconftest(CONFTEST)
    return pytester


def run(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    return project.runpytest_subprocess("-p", "no:cacheprovider", "-rA", *options, timeout=100)


SHARING = """
import pytest
from conftest import *

def test_shares(client):
    share(client.open_sftp())

def test_is_fine(client):
    client.exec_command("true")[1].read()

@pytest.mark.paramedic(allow=["PMC103"])
def test_is_allowed(client):
    share(client.open_sftp())

def test_shares_again(client):
    share(client.open_sftp())

def test_fails_by_itself(client):
    share(client.open_sftp())
    assert False, "its own reason"

@pytest.mark.xfail(reason="known")
def test_is_expected_to_fail(client):
    share(client.open_sftp())
    assert False

def test_says_why_not(client):
    sftp = client.open_sftp()
    one_after_the_other(lambda: sftp.listdir("."),  # paramedic: allow[shared-sftp-client] it is tried out here
                        lambda: sftp.stat("."))
"""

OUTCOMES = [
    "*FAILED test_sharing.py::test_shares - paramedic: possible shared-sftp-client*",
    "*FAILED test_sharing.py::test_shares_again - paramedic: possible shared-sftp-client*",
    "*FAILED test_sharing.py::test_fails_by_itself - AssertionError: its own reason*",
]


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_findings_fail_the_test_in_which_they_happened(project: pytest.Pytester, workers: tuple[str, ...]) -> None:
    project.makepyfile(test_sharing=SHARING)
    result = run(project, "--paramedic", *workers)
    result.assert_outcomes(failed=3, passed=3, xfailed=1)
    out = result.stdout
    for line in OUTCOMES:
        out.fnmatch_lines([line])
    out.fnmatch_lines(["PMC103 shared-sftp-client *possible", "* in share.<locals>.<lambda>"])
    out.fnmatch_lines(["*- paramedic -*"])  # the section of the test that failed by itself
    out.fnmatch_lines(["possible  shared-sftp-client * 4", "* findings (4 possible*) in * tests, 2 allowed."])
    out.no_fnmatch_line("*not seen*")


def test_each_test_fails_for_its_own_and_no_other_for_it(project: pytest.Pytester) -> None:
    """The same line in two tests, a task's exception that is lost, and a finding whose objects are gone after it."""
    project.makepyfile(
        test_own="""
        import threading
        from concurrent.futures import ThreadPoolExecutor
        import pytest
        from conftest import *

        def both(client, first, second):
            with first, second:
                client.get_transport().is_active()

        @pytest.mark.parametrize("n", [1, 2])
        def test_locks(client, n):
            a, b = threading.Lock(), threading.Lock()
            one_after_the_other(lambda: both(client, a, b), lambda: both(client, b, a))

        def test_loses_an_exception(client):
            with ThreadPoolExecutor(1) as pool:
                pool.submit(lambda: client.open_sftp().stat("/no/such/file"))

        def test_asks_for_it(client):
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(lambda: client.open_sftp().stat("/no/such/file")).exception()

        def test_waits_in_vain(client):
            channel = client.get_transport().open_session()
            channel.exec_command("head -c 3000000 /dev/zero")
            assert not channel.status_event.wait(3)
            channel.close()

        def test_is_fine(client):
            client.exec_command("true")[1].read()
        """
    )
    out = run(project, "--paramedic").stdout
    for name in ("test_locks[[]1[]]", "test_locks[[]2[]]", "test_loses_an_exception", "test_waits_in_vain"):
        out.fnmatch_lines([f"FAILED test_own.py::{name} - paramedic: *"])
    for name in ("test_asks_for_it", "test_is_fine"):
        out.fnmatch_lines([f"PASSED test_own.py::{name}"])


def test_what_fails_can_be_chosen(project: pytest.Pytester) -> None:
    project.makepyfile(test_sharing=SHARING.partition("def test_is_fine")[0])
    result = run(project, "--paramedic", "--paramedic-fail-on", "observed")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*- paramedic -*", "PMC103*", "* (1 possible*) in 1 test."])


def test_it_is_not_there_where_nobody_asks_for_it(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_cost="""
        import sys
        def test_nothing_is_imported():
            ours = {m for m in sys.modules if m.startswith("paramedic")}
            assert ours == {"paramedic", "paramedic.pytest_plugin"}
            assert not {"paramiko", "asyncssh", "rich"} & set(sys.modules)
        """
    )
    run(project).assert_outcomes(passed=1)
    gone = run(project, "-p", "no:paramedic", "--paramedic")
    assert gone.ret == pytest.ExitCode.USAGE_ERROR
    gone.stderr.fnmatch_lines(["*unrecognized arguments: --paramedic*"])
    run(project, "-p", "no:paramedic", "--deselect", "test_cost.py").assert_outcomes(deselected=1)


def test_under_paramedic_run_pytest_says_what_it_says_without(project: pytest.Pytester) -> None:
    """The recorder has imported Paramedic before pytest, which would rewrite its plugins' assertions, comes to it."""
    project.makepyfile(test_plain="def test_plain(): pass")
    command = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error")
    plain, watched = (
        project.run(sys.executable, *how, *command) for how in ((), ("-m", "paramedic", "run", "--quiet"))
    )
    assert (plain.ret, watched.ret) == (0, 0)
    assert [line.partition(" in ")[0] for line in watched.outlines] == [
        line.partition(" in ")[0] for line in plain.outlines
    ]


def test_it_works_without_xdist_and_other_plugins(project: pytest.Pytester) -> None:
    project.makepyfile(test_sharing=SHARING.partition("def test_is_fine")[0])
    result = run(project, "--paramedic", "-p", "no:xdist", "-p", "no:timeout", "-p", "no:faulthandler", "--capture=no")
    result.assert_outcomes(failed=1)


WIDER = """
import pytest, queue, threading
from conftest import *
from paramedic.lab import lab

@pytest.fixture(scope="session")
def server():
    with lab() as server: yield server

@pytest.fixture(scope="module")
def sftp(server):
    # the fixture's own thread uses it, too: at each test's wish
    with connected(server) as client:
        sftp = client.open_sftp()
        asked, answer = os.pipe(), os.pipe()
        def serves():
            while os.read(asked[0], 1) == b"x":
                sftp.listdir("."); os.write(answer[1], b"x")
        thread = threading.Thread(target=serves, name="of the fixture"); thread.start()
        def ask():
            os.write(asked[1], b"x"); os.read(answer[0], 1)
        yield sftp, ask
        os.write(asked[1], b"."); thread.join(20)

def test_a_uses_it_before(sftp):
    sftp[0].stat(".")

def test_b_meets_the_fixtures_thread(sftp):
    sftp[1]()

def test_c_has_nothing_to_do_with_it():
    pass

def test_d_meets_it_again(sftp):
    sftp[0].lstat(".")

@pytest.fixture(scope="module")
def leaves():
    yield
    with lab() as server, connected(server) as client:
        share(client.open_sftp())

def test_e_is_the_last_of_the_module(leaves):
    pass
"""


def test_threads_and_fixtures_of_wider_scopes(project: pytest.Pytester) -> None:
    """The test during which the later of two steps happens is the one."""
    project.makepyfile(test_wider=WIDER)
    result = run(project, "--paramedic")
    failed = ["test_b_meets_the_fixtures_thread", "test_d_meets_it_again", "test_e_is_the_last_of_the_module"]
    for name in failed:
        result.stdout.fnmatch_lines([f"FAILED test_wider.py::{name} - paramedic: *shared-sftp-client*"])
    result.assert_outcomes(failed=3, passed=2)


def test_what_belongs_to_no_test_is_told_and_fails_the_run(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_import="""
        from conftest import *
        from paramedic.lab import lab
        with lab() as server, connected(server) as client:
            share(client.open_sftp())
        def test_passes(): pass
        """
    )
    for workers in ((), ("-n", "1")):
        result = run(project, "--paramedic", *workers)
        result.assert_outcomes(passed=1)
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        result.stdout.fnmatch_lines(
            ["*= paramedic: collection*", "PMC103*", "* findings (1 possible, * advice) outside the tests."]
        )


def test_a_plugin_that_runs_tests_itself_goes_on_doing_so(project: pytest.Pytester) -> None:
    """Those that repeat a failed test, say: findings are then in the report of the teardown."""
    project.makeconftest(
        CONFTEST
        + """
from _pytest.runner import runtestprotocol
def pytest_runtest_protocol(item, nextitem):
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    runtestprotocol(item, nextitem=nextitem)
    print("run by another plugin")
    return True
"""
    )
    project.makepyfile(test_sharing=SHARING.partition("@pytest.mark")[0])
    result = run(project, "--paramedic", "-s")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*run by another plugin*", "ERROR test_sharing.py::test_shares - paramedic: *"])


@pytest.mark.parametrize(
    "marker",
    ["allow=['shared-sftp-clint']", "allow='shared-sftp-client'", "'shared-sftp-client'", "allowed=[]"],
)
def test_a_marker_that_cannot_be_meant_is_an_error(project: pytest.Pytester, marker: str) -> None:
    project.makepyfile(
        f"""
        import pytest
        @pytest.mark.paramedic({marker})
        def test_it(): pass
        """
    )
    result = run(project, "--paramedic")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: test_a_marker*::test_it: *@pytest.mark.paramedic*"])


def test_the_recording_can_be_kept(project: pytest.Pytester) -> None:
    project.makepyfile(test_sharing=SHARING.partition("def test_is_fine")[0])
    for workers, folder in ((), "kept"), (("-n", "1"), "kept/gw0"):
        result = run(project, "--paramedic", "--paramedic-recording", "kept", *workers)
        result.stdout.fnmatch_lines(["Again: paramedic check *kept"])
        told = project.run(sys.executable, "-m", "paramedic", "check", folder)
        told.stdout.fnmatch_lines(["PMC103 shared-sftp-client*"])


def test_children_of_a_test_are_seen(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_forks="""
        from conftest import *
        def test_forks(paramedic_lab):
            child = os.fork()
            if child == 0:
                try:
                    with connected(paramedic_lab) as client: share(client.open_sftp())
                finally:
                    os._exit(0)
            os.waitpid(child, 0)
        def test_after(): pass
        """
    )
    result = run(project, "--paramedic")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["FAILED test_forks.py::test_forks - paramedic: *shared-sftp-client*"])


def test_a_connection_that_ends_right_after_its_test_is_no_leak(project: pytest.Pytester) -> None:
    """The server goes with the fixture; the connections' threads notice within a tenth of a second."""
    project.makepyfile(
        test_ends="""
        from conftest import *
        def test_it(paramedic_lab):
            clients = []
            together(*[lambda: clients.append(connected(paramedic_lab))] * 3)
            assert len(clients) == 3
        """
    )
    result = run(project, "--paramedic")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*leaked-connection*")


def test_the_lab_misbehaves_as_the_marker_says(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_lab="""
        from conftest import *
        import paramiko
        @pytest.mark.paramedic(manners={"max_sessions": 1})
        def test_second_session(client):
            client.exec_command("read x")
            with pytest.raises(paramiko.ChannelException):
                client.exec_command("true")
        """
    )
    run(project).assert_outcomes(passed=1)


HANGING = """
import threading
import pytest

def hang():
    first, second, both = threading.Lock(), threading.Lock(), threading.Barrier(2)

    def take(one, other):
        with one:
            both.wait()
            with other:
                pass

    pairs = [(first, second), (second, first)]
    threads = [threading.Thread(target=take, args=pair, daemon=True) for pair in pairs]
    for thread in threads: thread.start()
    for thread in threads: thread.join()

def test_ends():
    pass

def test_hangs():
    hang()

@pytest.mark.paramedic(allow=["lock-order-inversion"])
def test_may_hang():
    hang()
"""


@contextmanager
def hanging(project: pytest.Pytester, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Pytest at work; it and what it started is ended afterwards."""
    project.makepyfile(HANGING)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--paramedic", *options]
    process = subprocess.Popen(
        command, cwd=project.path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    guard = threading.Timer(60, os.killpg, (process.pid, signal.SIGKILL))
    guard.start()
    try:
        yield process
    finally:
        guard.cancel()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no waiting for pipes on Windows")
@pytest.mark.parametrize("options", [(), ("-s",), ("-n", "1")], ids=["captured", "not captured", "xdist"])
def test_a_test_that_hangs_is_told_while_it_hangs(project: pytest.Pytester, options: tuple[str, ...]) -> None:
    with hanging(project, "--paramedic-stall", "0.5", "-k", "test_ends or test_hangs", *options) as process:
        assert process.stderr is not None
        lines = list(itertools.takewhile(lambda line: "it runs on until" not in line, process.stderr))
        assert process.poll() is None
    told = "".join(lines)
    assert "::test_hangs hangs:" in told
    assert "lock-order-inversion" in told
    assert "with other:" in told


def test_a_hang_that_is_allowed_is_not_told(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\naddopts = --paramedic-stall 0.2")
    with hanging(project, "-k", "test_may_hang", "--paramedic-recording", "kept") as process:
        watched = project.path / "kept"
        while not any(watched.rglob("told.json")):  # it was looked at, and found
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate()
    assert "hangs:" not in told
