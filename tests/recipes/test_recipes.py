"""The recipes that guides give for Paramiko and threads: what is right with each, and what is wrong with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from paramedic.lab import Manners, Server, lab

HEAD = """
import os, queue, sys, threading
from concurrent.futures import ThreadPoolExecutor
import paramiko

HOST, PORT, USER, KEY = os.environ["HOST"], int(os.environ["PORT"]), os.environ["USER_NAME"], os.environ["KEY"]

def connect():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, port=PORT, username=USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A program of a guide, and what has to be said of it.

    Attributes:
        program: goes on after `HEAD`.
        wrong: hazard -> the weakest confidence that will do.
        right: of these nothing may be said, at any confidence.
    """

    program: str
    wrong: dict[str, str]
    right: tuple[str, ...]


BLIND = {"host-key-not-verified": "advice", "wait-without-timeout": "advice", "undrained-stderr": "advice"}
"""What no guide's recipe does: it trusts any host, waits without end, and never looks at stderr."""
SHARING = ("shared-client-connect", "shared-channel", "shared-sftp-client", "closed-in-use", "lock-order-inversion")

RECIPES = {
    "a client for each thread, in a threading.local": Recipe(
        program="""
local = threading.local()

def get_client():
    if not hasattr(local, "client"):
        local.client = connect()
    return local.client

def work(n):
    stdin, stdout, stderr = get_client().exec_command("sleep 0.2; echo %d" % n)
    print(stdout.read().decode())

threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for t in threads: t.start()
for t in threads: t.join()
""",
        wrong={"leaked-connection": "observed", **BLIND},
        right=(*SHARING, "lock-held-across-io"),
    ),
    "one lock around a shared client": Recipe(
        program="""
lock = threading.Lock()
client = connect()
started = threading.Barrier(3)

def work(n):
    started.wait(20)
    with lock:
        stdin, stdout, stderr = client.exec_command("sleep 1; echo %d" % n)
        print(stdout.read().decode())

threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
for t in threads: t.start()
for t in threads: t.join()
client.close()
""",
        wrong={"lock-held-across-io": "observed", **BLIND},
        right=(*SHARING, "leaked-connection"),
    ),
    "a ThreadPoolExecutor over thread-local clients": Recipe(
        program="""
local = threading.local()

def prepare():
    local.client = connect()

def work(n):
    stdin, stdout, stderr = local.client.exec_command("sleep 0.2; echo %d" % n)
    return stdout.read().decode()

with ThreadPoolExecutor(max_workers=3, initializer=prepare) as pool:
    print(list(pool.map(work, range(8))))
""",
        wrong={"leaked-connection": "observed", **BLIND},
        right=(*SHARING, "lock-held-across-io", "lost-exception"),
    ),
    "a queue as a pool of clients": Recipe(
        program="""
pool = queue.Queue()
for _ in range(2):
    pool.put(connect())

def work(n):
    client = pool.get()
    try:
        stdin, stdout, stderr = client.exec_command("sleep 0.2; echo %d" % n)
        return stdout.read().decode()
    finally:
        pool.put(client)

with ThreadPoolExecutor(4) as workers:
    print(list(workers.map(work, range(8))))
while not pool.empty():
    pool.get().close()
""",
        wrong=BLIND,
        right=(*SHARING, "leaked-connection", "pool-drained", "lock-held-across-io"),
    ),
    "a queue as a pool that nobody puts back to when work fails": Recipe(
        program="""
pool = queue.Queue()
clients = [connect() for _ in range(2)]
for client in clients:
    pool.put(client)

def work(n):
    client = pool.get(timeout=3)
    stdin, stdout, stderr = client.exec_command("exit %d" % n)
    if stdout.channel.recv_exit_status():
        raise RuntimeError("step %d failed" % n)
    pool.put(client)

with ThreadPoolExecutor(2) as workers:
    for future in [workers.submit(work, n) for n in (1, 2, 0)]:
        print(repr(future.exception()))
for client in clients:
    client.close()
""",
        wrong={"pool-drained": "observed", "host-key-not-verified": "advice"},
        right=(*SHARING, "leaked-connection", "lost-exception"),
    ),
    "plain sharing: commands of many threads over one client": Recipe(
        program="""
client = connect()

def work(n):
    # the command ends after our EOF: an EOF that comes after the server's CLOSE would cost this program its connection
    stdin, stdout, stderr = client.exec_command("cat; sleep 0.2; echo %d" % n)
    stdin.close()
    return stdout.read().decode()

with ThreadPoolExecutor(4) as workers:
    print(list(workers.map(work, range(12))))
client.close()
""",
        wrong=BLIND,
        right=(*SHARING, "leaked-connection", "session-limit", "lock-held-across-io"),
    ),
    "plain sharing: one SFTP client": Recipe(
        program="""
client = connect()
sftp = client.open_sftp()
sftp.get_channel().settimeout(4)  # so that this program ends
started = threading.Barrier(4)

def work(n):
    started.wait(20)
    try:
        for _ in range(20):
            sftp.stat("/")
    except Exception as e:
        print(type(e).__name__)

threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for t in threads: t.start()
for t in threads: t.join()
client.close()
""",
        wrong={"shared-sftp-client": "possible", "host-key-not-verified": "advice"},
        right=("shared-client-connect", "shared-channel", "closed-in-use", "leaked-connection"),
    ),
    "plain sharing: everybody connects the shared client when it is not connected": Recipe(
        program="""
client = paramiko.SSHClient()
client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
started = threading.Barrier(3)

def work(n):
    started.wait(20)
    try:
        if client.get_transport() is None:
            client.connect(HOST, port=PORT, username=USER, key_filename=KEY, allow_agent=False, look_for_keys=False,
                           auth_timeout=4, banner_timeout=4)
        client.exec_command("true", timeout=4)[1].read()
    except Exception as e:
        print(type(e).__name__)

threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
for t in threads: t.start()
for t in threads: t.join()
client.close()
""",
        wrong={"shared-client-connect": "possible", "host-key-not-verified": "advice"},
        right=("shared-channel", "shared-sftp-client", "lock-held-across-io"),
    ),
    "the same commands, with stderr that nobody reads and that is long": Recipe(
        program="""
client = connect()

def work(n):
    stdin, stdout, stderr = client.exec_command("head -c 3000000 /dev/zero >&2; echo %d" % n, timeout=4)
    try:
        return stdout.read().decode()
    except TimeoutError as e:
        return "timeout"

with ThreadPoolExecutor(2) as workers:
    print(list(workers.map(work, range(2))))
client.close()
""",
        wrong={"undrained-stderr": "observed", "host-key-not-verified": "advice"},
        right=(*SHARING, "leaked-connection", "session-limit"),
    ),
    "everything right": Recipe(
        program="""
def open_client():
    client = paramiko.SSHClient()
    client.load_host_keys(os.environ["KNOWN_HOSTS"])
    client.connect(HOST, port=PORT, username=USER, key_filename=KEY, allow_agent=False, look_for_keys=False, timeout=20)
    return client

def run(client, command):
    stdin, stdout, stderr = client.exec_command(command + " 2>&1", timeout=30)
    stdin.close()
    assert not stderr.read()
    return stdout.read().decode(), stdout.channel.recv_exit_status()

with open_client() as client:
    with ThreadPoolExecutor(4) as workers:
        print(list(workers.map(lambda n: run(client, "echo %d" % n), range(8))))
""",
        wrong={},
        right=(*SHARING, "leaked-connection", "host-key-not-verified", "wait-without-timeout", "undrained-stderr"),
    ),
}

RANKS = ("observed", "possible", "advice")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A lab for short commands on shared clients: it is not its concern that Paramiko may send EOF after CLOSE."""
    with lab(Manners(close_after_eof=True)) as running:
        yield running


@pytest.mark.parametrize("name", RECIPES)
def test_what_is_said_of_a_recipe(name: str, server: Server, tmp_path: Path, own_state: Path) -> None:
    recipe = RECIPES[name]
    (tmp_path / "app.py").write_text(HEAD + recipe.program)
    output = tmp_path / "found.json"
    how = server.connect_kwargs()
    env = os.environ | {
        "HOST": str(how["hostname"]),
        "PORT": str(how["port"]),
        "USER_NAME": str(how["username"]),
        "KEY": str(how["key_filename"]),
        "KNOWN_HOSTS": server.known_hosts_file,
    }
    command = [sys.executable, "-m", "paramedic", "run", "--format", "json", "--output", str(output), "app.py"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    said: dict[str, str] = {}
    for finding in json.loads(output.read_text())["findings"]:
        name, confidence = finding["hazard"], finding["confidence"]
        said[name] = min(said.get(name, "advice"), confidence, key=RANKS.index)
    missing = {
        h: c for h, c in recipe.wrong.items() if RANKS.index(said.get(h, "advice")) > RANKS.index(c) or h not in said
    }
    assert not missing, said
    assert not [h for h in recipe.right if h in said], said
    # and nothing stronger than advice that is not expected
    assert {h for h, c in said.items() if c != "advice"} <= set(recipe.wrong), said
