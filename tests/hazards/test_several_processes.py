"""What several processes do together: no one of them shows the hazard alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ENROLLING = """
import multiprocessing, socket, sys
import paramiko
from paramedic.lab import lab

class Own(paramiko.MissingHostKeyPolicy):
    def missing_host_key(self, client, name, key):
        client.get_host_keys().add(name, key.get_name(), key)
        client.save_host_keys(known)

class Late(socket.socket):
    '''Hears nothing of the server before it is time.'''
    def recv(self, size):
        heard.wait(30)
        return super().recv(size)

def enroll(name, policy, heard):
    client = paramiko.SSHClient()
    client.load_host_keys(known)
    client.set_missing_host_key_policy(policy())
    if heard is None:
        sock = socket.create_connection((server.host, server.port))
    else:
        sock = Late()
        sock.connect((server.host, server.port))
        began.set()
    client.connect(
        name, server.port, server.user, key_filename=server.key_file, sock=sock, allow_agent=False, look_for_keys=False
    )
    client.close()

mode, known = sys.argv[1:]
context = multiprocessing.get_context("fork")
policy = Own if mode == "own policy" else paramiko.AutoAddPolicy
with lab() as server:
    began, heard = context.Event(), context.Event()
    late = context.Process(target=enroll, args=("late", policy, heard))
    if mode != "in turn":
        late.start()
        began.wait(30)
    first = context.Process(target=enroll, args=("first", policy, None))
    first.start()
    first.join()
    heard.set()
    if mode == "in turn":
        late.start()
    late.join()
print(first.exitcode, late.exitcode, len(paramiko.HostKeys(known)))
"""


def found(hazard: str, tmp_path: Path, program: str, *arguments: str) -> tuple[str, list[dict[str, Any]]]:
    """What the program printed, and the findings of that hazard."""
    (tmp_path / "app.py").write_text(program)
    output = tmp_path / "found.json"
    command = ["run", "--format", "json", "--output", str(output), str(tmp_path / "app.py"), *arguments]
    done = subprocess.run([sys.executable, "-m", "paramedic", *command], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout, [f for f in json.loads(output.read_text())["findings"] if f["hazard"] == hazard]


@pytest.mark.parametrize(
    ("mode", "confidence"), [("beside each other", ["possible"]), ("own policy", []), ("in turn", [])]
)
def test_what_two_processes_might_have_lost_of_known_hosts(
    mode: str, confidence: list[str], tmp_path: Path, own_state: Path
) -> None:
    known = tmp_path / "known_hosts"
    known.touch()
    said, races = found("known-hosts-race", tmp_path, ENROLLING, mode, str(known))
    assert said == "0 0 2\n"
    assert [f["confidence"] for f in races] == confidence


CONNECT = """
def connect():
    with paramiko.SSHClient() as client:
        client.load_host_keys(server.known_hosts_file)
        at_once.wait(30)
        try:
            client.connect(**server.connect_kwargs(), timeout=20)
        except (paramiko.SSHException, EOFError, OSError):
            dropped.put(1)
        finally:
            at_once.wait(30)  # all have tried: those who are in hold their places until then
"""

STORMING = f"""
import multiprocessing, sys, threading
import paramiko
from paramedic.lab import Manners, lab
{CONNECT}
{CONNECT.replace("def connect", "def connect_in_thread")}
count = int(sys.argv[1])
context = multiprocessing.get_context("fork")
for start in [
    *([lambda: threading.Thread(target=connect_in_thread)] if sys.argv[2:] else []),
    lambda: context.Process(target=connect),
]:
    with lab(Manners(max_startups=2, auth_delay_s=1)) as server:
        at_once, dropped = context.Barrier(count), context.SimpleQueue()
        workers = [start() for _ in range(count)]
        for worker in workers: worker.start()
        for worker in workers: worker.join()
print("none" if dropped.empty() else "some")
"""


def test_a_burst_of_single_connects_of_several_processes(tmp_path: Path, own_state: Path) -> None:
    said, storms = found("connect-storm", tmp_path, STORMING, "14")
    assert said == "some\n"
    assert [f["confidence"] for f in storms] == ["observed"]
    assert "14 connects by 14 processes" in storms[0]["message"]
    steps = storms[0]["steps"]
    assert len({step["thread"] for step in steps}) == 3, "each process's main thread is told apart"
    assert all(step["thread"].startswith("MainThread of process ") for step in steps)
    assert [step["at_s"] for step in steps] == sorted(step["at_s"] for step in steps)


def test_a_burst_of_several_processes_hides_none_of_one_process_to_another_server(
    tmp_path: Path, own_state: Path
) -> None:
    said, storms = found("connect-storm", tmp_path, STORMING, "14", "threads, too")
    assert said == "some\n"
    alone, several = sorted(storms, key=lambda storm: "processes" in storm["message"])
    assert "14 connects to 127.0.0.1:" in alone["message"]
    assert "14 connects by 14 processes to 127.0.0.1:" in several["message"]


def test_a_few_processes_whose_connects_are_dropped_are_no_burst(tmp_path: Path, own_state: Path) -> None:
    said, storms = found("connect-storm", tmp_path, STORMING, "4")
    assert (said, storms) == ("some\n", [])
