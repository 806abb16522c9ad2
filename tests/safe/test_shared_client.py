"""The drop-in for paramiko.SSHClient, and clients of one thread each."""

from __future__ import annotations

import gc
import inspect
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import paramiko
import pytest

from paramedic.safe import SharedClient, local_client


def connected(host: Any, client: paramiko.SSHClient) -> Any:
    client.load_host_keys(host.server.known_hosts_file)
    client.connect(
        host.server.host,
        port=host.server.port,
        username=host.server.user,
        key_filename=host.server.key_file,
        allow_agent=False,
        look_for_keys=False,
    )
    return client


@pytest.fixture
def client(host: Any) -> Iterator[SharedClient]:
    with connected(host, SharedClient()) as client:
        yield client


def test_methods_and_signatures_are_those_of_this_paramiko() -> None:
    theirs = {name: member for name, member in inspect.getmembers(paramiko.SSHClient, callable) if name[0] != "_"}
    assert set(theirs) <= set(dir(SharedClient))
    for name, member in theirs.items():
        assert inspect.signature(getattr(SharedClient, name)) == inspect.signature(member), name
    assert issubclass(SharedClient, paramiko.SSHClient)


def test_fifty_threads_share_one_client_and_nothing_is_lost(client: SharedClient) -> None:
    def run(n: int) -> bytes:
        # As people write it: the files are left to the garbage collector (paramiko issues 1115 and 1705).
        _, stdout, _ = client.exec_command(f"echo {n}")
        return bytes(stdout.read())

    with ThreadPoolExecutor(50) as threads:
        assert list(threads.map(run, range(400))) == [f"{n}\n".encode() for n in range(400)]
    gc.collect()
    assert run(1) == b"1\n"


def test_sessions_that_are_asked_for_at_its_transport_are_asked_for_again_too(start_host: Any) -> None:
    def run(n: int) -> bytes:
        channel = client.get_transport().open_session()
        channel.exec_command(f"echo {n}")
        said = channel.makefile("rb").read()
        channel.close()
        return bytes(said)

    with connected(start_host("MaxSessions 1"), SharedClient()) as client, ThreadPoolExecutor(10) as threads:
        assert list(threads.map(run, range(30))) == [f"{n}\n".encode() for n in range(30)]


def test_what_is_closed_by_the_garbage_collector_in_the_middle_of_a_send_does_not_wait_for_that_send(
    client: SharedClient,
) -> None:
    class Collecting(threading.Event):
        def is_set(self) -> bool:
            if forgotten and threading.current_thread() is thread:  # in Python 3.12, it comes at the start of a call
                forgotten.pop().close()
            return super().is_set()

    link: Any = client.get_transport()
    forgotten = [link.open_channel("session")]
    used = link.open_channel("session")
    link.clear_to_send = Collecting()
    link.clear_to_send.set()
    thread = threading.Thread(target=lambda: used.exec_command("echo done"), daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive() and not forgotten
    assert used.makefile().read() == b"done\n"
    used.close()
    deadline = time.monotonic() + 30
    while len(link._channels) and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    assert not len(link._channels), "both are closed on the other side, too"


def test_closing_stdin_first_ends_nobodys_connection(client: SharedClient) -> None:
    def run(n: int) -> int:
        stdin, stdout, _ = client.exec_command("cat")
        stdin.write(str(n))
        stdin.close()
        assert stdout.read() == str(n).encode()
        return int(stdout.channel.recv_exit_status())

    with ThreadPoolExecutor(12) as threads:
        assert set(threads.map(run, range(300))) == {0}


FLOOD = "head -c 6000000 /dev/zero >&2; head -c 6000000 /dev/zero; exit 4"
ORDERS: dict[str, Callable[[Any, Any], Any]] = {
    "stdout before stderr": lambda out, err: (len(out.read()), len(err.read()), out.channel.recv_exit_status()),
    "stderr before stdout": lambda out, err: (len(err.read()), len(out.read()), out.channel.recv_exit_status())[::1],
    "the status before both": lambda out, err: (out.channel.recv_exit_status(), len(out.read()), len(err.read())),
}


@pytest.mark.parametrize("story", ORDERS)
def test_no_order_of_reading_deadlocks(client: SharedClient, story: str) -> None:
    _, stdout, stderr = client.exec_command(FLOOD)
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(ORDERS[story](stdout, stderr)))
    thread.start()
    thread.join(30)
    assert not thread.is_alive(), "it hangs"
    assert sorted(found[0]) == [4, 6_000_000, 6_000_000]


def test_a_command_that_is_too_long_ends_nobodys_connection(client: SharedClient) -> None:
    _, stdout, _ = client.exec_command("sleep 1; echo other")
    with pytest.raises(paramiko.SSHException, match="too long"):
        client.exec_command("x" * 300_000)
    assert stdout.read() == b"other\n"


def test_sftp_shell_and_commands_at_once(client: SharedClient) -> None:
    def use(n: int) -> Any:
        if n % 3 == 0:
            with client.open_sftp() as sftp:
                return bool(sftp.listdir("/"))
        if n % 3 == 1:
            channel = client.invoke_shell()
            channel.sendall(b"exit\n")
            with channel:
                return channel.recv_exit_status() == 0
        return client.exec_command("true", timeout=20)[1].channel.recv_exit_status() == 0

    with ThreadPoolExecutor(20) as threads:
        assert all(threads.map(use, range(60)))


def test_connecting_again_while_others_work_is_seamless(host: Any, client: SharedClient) -> None:
    first = client.get_transport()
    connected(host, client)
    assert client.get_transport() is not first
    assert client.exec_command("echo x")[1].read() == b"x\n"


def test_who_waits_for_a_channel_hears_that_another_thread_closes_the_connection(
    client: SharedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    link: Any = client.get_transport()
    asked = threading.Event()
    monkeypatch.setattr(link, "send", lambda messages: asked.set())  # the server never hears of it
    heard: list[BaseException] = []

    def ask() -> None:
        try:
            client.exec_command("true")
        except (paramiko.SSHException, EOFError, OSError) as error:
            heard.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    assert asked.wait(30)
    (channel,) = link._channels.values()
    for _ in iter(lambda: len(channel.settled._cond._waiters), 1):
        pass  # until it waits
    client.close()
    thread.join(30)
    assert not thread.is_alive()
    assert len(heard) == 1


def test_a_connect_that_fails_leaves_nothing_behind_and_the_old_connection_goes_on(
    host: Any, client: SharedClient
) -> None:
    assert client.exec_command("true")[1].channel.recv_exit_status() == 0  # what sends for the main thread is there
    threads = threading.active_count()
    with pytest.raises(paramiko.AuthenticationException):
        client.connect(
            host.server.host,
            port=host.server.port,
            username=host.server.user,
            pkey=paramiko.ECDSAKey.generate(),
            allow_agent=False,
            look_for_keys=False,
        )
    with pytest.raises(paramiko.ssh_exception.NoValidConnectionsError):
        client.connect(host.server.host, port=1)
    assert client.exec_command("echo x")[1].read() == b"x\n"
    for thread in threading.enumerate():
        if isinstance(thread, paramiko.Transport) and thread is not client.get_transport():
            thread.join(5)
    assert threading.active_count() == threads


def test_a_client_that_is_not_connected_says_so() -> None:
    with pytest.raises(paramiko.SSHException, match="not connected"):
        SharedClient().exec_command("true")


def test_each_thread_has_its_own_client_which_ends_with_it(host: Any) -> None:
    made: list[Any] = []

    def factory() -> Any:
        made.append(connected(host, SharedClient()))
        return made[-1]

    with local_client(factory) as clients:

        def work() -> None:
            assert clients() is clients()
            assert clients().exec_command("echo x")[1].read() == b"x\n"

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()
        gc.collect()
        assert len(made) == 3
        assert [client.get_transport() for client in made] == [None] * 3, "closed with their threads"
        mine = clients()
        assert mine.get_transport().is_active()
        clients.discard()
        assert mine.get_transport() is None
        again = clients()
        assert again is not mine
    assert again.get_transport() is None
    with pytest.raises(RuntimeError):
        clients()


@pytest.fixture
def no_garbage_collection() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def test_a_factory_that_gives_nothing_to_close_is_told() -> None:
    with (
        pytest.raises(TypeError, match=r"returned None, which has no close\(\)"),
        local_client(lambda: None) as clients,
    ):
        clients()


@pytest.mark.usefixtures("no_garbage_collection")
@pytest.mark.parametrize("kind", [paramiko.SSHClient, SharedClient])
def test_a_thread_that_ends_takes_its_client_with_it(host: Any, kind: type[paramiko.SSHClient]) -> None:
    def work() -> None:
        assert clients().exec_command("echo x")[1].read() == b"x\n"

    before = set(threading.enumerate())
    with local_client(lambda: connected(host, kind())) as clients:
        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        deadline = time.monotonic() + 10
        while set(threading.enumerate()) - before and time.monotonic() < deadline:
            threading.Event().wait(0.02)
        # No transport, and no "Dummy-7" that Paramiko's close() makes for a thread that threading has forgotten.
        assert set(threading.enumerate()) == before


FORKED = """
import os, sys, threading
import paramiko
from paramedic.safe import ClientPool, KnownHosts, SharedClient, local_client

HOST, PORT, USER, KEY, KNOWN = {host!r}, {port!r}, {user!r}, {key!r}, {known!r}

def connected():
    client = SharedClient()
    client.load_host_keys(KNOWN)
    client.connect(HOST, port=PORT, username=USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client

def said(client, text):
    return client.exec_command("echo " + text)[1].read().decode().strip()

client, clients = connected(), local_client(connected)
assert said(client, "before") == said(clients(), "before") == "before"
_, late, _ = client.exec_command("sleep 0.5; echo late")
stdin, echo, _ = client.exec_command("cat")
pool = ClientPool(HOST, port=PORT, username=USER, key_filename=KEY, known_hosts=KnownHosts(KNOWN),
    allow_agent=False, look_for_keys=False)
stream = pool.stream("echo first; sleep 0.5; echo second")
assert stream.read().data == b"first\\n"

held, forked = threading.Event(), threading.Event()
def hold():  # what another thread had at the moment of the fork, nobody in the child gives back
    with client._guard, client._connecting, clients._lock:
        held.set()
        forked.wait()
holder = threading.Thread(target=hold)
holder.start()
held.wait()
pid = os.fork()
if not pid:
    try:
        for use in (client.open_sftp, client.invoke_shell, lambda: said(client, "x")):
            try:
                use()
            except paramiko.SSHException as error:
                assert "not connected" in str(error)
            else:
                os._exit(2)
        assert late.read() == b""
        try:
            stdin.write("child")
            stdin.flush()
        except OSError:
            pass
        else:
            os._exit(3)
        try:
            while stream.read() is not None:
                pass
        except Exception as error:
            assert type(error).__name__ == "PoolClosed"
        else:
            os._exit(4)
        assert said(clients(), "child") == "child", "one of its own"
        client.load_host_keys(KNOWN)
        client.connect(HOST, port=PORT, username=USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
        assert said(client, "child") == "child"
        client.close()
        clients.close()
        os._exit(0)
    except BaseException as error:
        print("the child:", repr(error), file=sys.stderr, flush=True)
        os._exit(1)
forked.set()
holder.join()
assert os.waitpid(pid, 0)[1] == 0, "the child"
assert late.read() == b"late\\n"
stdin.write("parent")
stdin.channel.shutdown_write()
assert echo.read() == b"parent"
assert b"".join(chunk.data for chunk in stream) == b"second\\n"
assert said(client, "after") == said(clients(), "after") == "after"
client.close()
clients.close()
pool.close()
"""


def test_a_forked_child_leaves_the_connection_to_its_parent(host: Any) -> None:
    server = host.server
    program = FORKED.format(
        host=server.host,
        port=server.port,
        user=server.user,
        key=server.key_file,
        known=server.known_hosts_file,
    )
    done = subprocess.run([sys.executable, "-c", program], timeout=60, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


LEFT = '''
import faulthandler, threading
import paramiko
from paramedic.safe import ClientPool, KnownHosts, SharedClient

faulthandler.dump_traceback_later(30, exit=True)
client = SharedClient()
client.load_host_keys({known!r})
client.connect({host!r}, port={port!r}, username={user!r}, key_filename={key!r}, allow_agent=False,
    look_for_keys=False)
pool = ClientPool({host!r}, port={port!r}, username={user!r}, key_filename={key!r},
    known_hosts=KnownHosts({known!r}), allow_agent=False, look_for_keys=False)
lent = pool.client()
stdin, stdout, stderr = lent.__enter__().exec_command("cat")
inner, *_ = client.exec_command("cat")
inner.write("never sent")
stream = pool.stream("yes")
stream.read()
sftp = client.open_sftp()
file = sftp.open("/etc/passwd")
channel = client.get_transport().open_session()
link, held = client.get_transport(), threading.Event()
apart = {{"held": held, "threading": threading}}  # its names are its own: ours are to be taken down
exec("""def hold(*locks):
    for lock in locks:
        lock.acquire()
    held.set()
    threading.Event().wait()""", apart)
# A thread is taken away at any moment, with whatever it has.
locks = (link.clear_to_send_lock, link.lock, link.hand._lock, channel.lock)
threading.Thread(target=apart["hold"], args=locks, daemon=True).start()
held.wait()

class Late:
    def __del__(self):
        for use in (client.open_sftp, channel.close, inner.close, client.close):
            try:
                use()
            except paramiko.SSHException:
                pass
        print("late", flush=True)

late = Late()
'''


def test_what_a_program_leaves_open_keeps_it_from_no_end(host: Any) -> None:
    server = host.server
    program = LEFT.format(
        host=server.host,
        port=server.port,
        user=server.user,
        key=server.key_file,
        known=server.known_hosts_file,
    )
    done = subprocess.run([sys.executable, "-c", program], timeout=60, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # Python 3.12 finalizes nothing of the main module, with Paramiko alone, once a key was read: the end counts.
    assert done.stdout == "late\n" or sys.version_info[:2] == (3, 12), done.stderr
    assert "Timeout" not in done.stderr
