"""A session that is refused is not a limit that is reached, unless others were open."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import socket, threading
import paramiko

class Server(paramiko.ServerInterface):
    left = {left}
    def check_auth_none(self, username): return paramiko.AUTH_SUCCESSFUL
    def check_channel_request(self, kind, chanid):
        self.left -= 1
        return paramiko.OPEN_SUCCEEDED if self.left >= 0 else paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

ours, theirs = socket.socketpair()
client, server = paramiko.Transport(ours), paramiko.Transport(theirs)
server.add_server_key(paramiko.ECDSAKey.generate())
server.start_server(event=threading.Event(), server=Server())
client.start_client(timeout=20)
if {login}: client.auth_none("me")
held = []
try:
    for _ in range(4): held.append(client.open_session(timeout=20))
except paramiko.ChannelException as e:
    print(len(held), e)
client.close()
server.close()
"""


@pytest.mark.parametrize(
    ("left", "login", "said", "found"),
    [
        (9, False, "0 ChannelException(1, 'Administratively prohibited')", False),
        (0, True, "0 ChannelException(1, 'Administratively prohibited')", False),
        (3, True, "3 ChannelException(1, 'Administratively prohibited')", True),
    ],
    ids=["nobody has logged in", "the server gives no sessions", "three are open, the fourth is refused"],
)
def test_what_a_refusal_says(left: int, login: bool, said: str, found: bool, tmp_path: Path, own_state: Path) -> None:
    (tmp_path / "app.py").write_text(PROGRAM.format(left=left, login=login))
    output = tmp_path / "found.json"
    command = ["-m", "paramedic", "run", "--format", "json", "--output", str(output), str(tmp_path / "app.py")]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=100)
    assert said in done.stdout, done.stderr
    hazards = {f["hazard"] for f in json.loads(output.read_text())["findings"]}
    assert ("session-limit" in hazards) == found


COMMANDS = """
import paramiko
from paramedic.lab import Manners, lab

with lab(Manners(max_sessions=2)) as server, paramiko.SSHClient() as client:
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=20)
    held = []
    try:
        for _ in range(4): held.append(client.exec_command("sleep 30"))
    except paramiko.ChannelException as e:
        print(len(held), "commands")
"""


def test_commands_are_sessions_though_paramiko_opens_their_channels(tmp_path: Path, own_state: Path) -> None:
    (tmp_path / "app.py").write_text(COMMANDS)
    output = tmp_path / "found.json"
    command = ["-m", "paramedic", "run", "--format", "json", "--output", str(output), str(tmp_path / "app.py")]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=100)
    assert done.stdout == "2 commands\n", done.stderr
    assert {f["hazard"]: f["confidence"] for f in json.loads(output.read_text())["findings"]}[
        "session-limit"
    ] == "observed"
