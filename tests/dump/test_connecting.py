"""Threads that asked for a channel before the client was logged in, because each connects it when it needs to."""

from __future__ import annotations

from pathlib import Path

import pytest

from paramedic.check.dump import check_dumps
from paramedic.dump.assembly import read_snapshots
from paramedic.model.finding import Confidence, Finding

CLIENT = 0x7F00A0
WAITS = """\
Thread {number} (idle): "{name}"
    Condition.wait (threading.py:331)
    Event.wait (threading.py:629)
    Transport.open_channel (paramiko/transport.py:1052)
        Arguments:
            self: <Transport at 0x7f00b0>
    Transport.open_session (paramiko/transport.py:926)
        Arguments:
            self: <Transport at 0x7f00b0>
    SSHClient.exec_command (paramiko/client.py:548)
        Arguments:
            self: <SSHClient at {client:#x}>
    {frames}
"""
TRANSPORT = """\
Thread 99 (idle): "Thread-2"
    Packetizer.read_all (paramiko/packet.py:322)
    Transport.run (paramiko/transport.py:2059)
        Arguments:
            self: <Transport at 0x7f00b0>
"""


def told(source: str, folder: Path, *, clients: tuple[int, int] = (CLIENT, CLIENT), times: int = 2) -> list[Finding]:
    """What is said of two threads that stand at the line with "# asks", called from the one with "# calls"."""
    (folder / "app.py").write_text(source)
    lines = source.splitlines()
    marked = {w: n for n, text in enumerate(lines, 1) for w in ("asks", "calls") if text.endswith(f"# {w}")}
    names = {w: [t.split("(")[0].split()[-1] for t in lines[: marked[w]] if "def " in t][-1] for w in marked}
    frames = "\n    ".join(f"{names[w]} (app.py:{n})" for w, n in sorted(marked.items()))
    dump = "Process 7: python app.py\n\n"
    for number, client in enumerate(clients, 1):
        dump += WAITS.format(number=number, name=f"job-{number}", client=client, frames=frames)
    found = check_dumps(read_snapshots(((dump + TRANSPORT) * times).splitlines()), roots=[folder]).findings
    return [f for f in found if f.hazard == "shared-client-connect"]


ENSURE = """\
class Machine:
    def ensure(self):
        if not self.ssh.get_transport():
            self.ssh.connect("web1")

    def ask(self, question):
        self.ensure()
        return self.ssh.exec_command(question)  # asks
"""
DECORATOR = """\
ssh = SSHClient()

def dial():
    ssh.connect("web1")

def reconnecting(function):
    def call(*args):
        try:
            return function(*args)  # calls
        except SSHException:
            dial()
    return call

@reconnecting
def run(command):
    return ssh.get_transport().open_session()  # asks
"""
PROPERTY = """\
class Machine:
    @property
    def ssh(self):
        if self._ssh.get_transport() is None:
            self._ssh.connect("web1")
        return self._ssh

    def ask(self, question):
        return self.ssh.exec_command(question)  # asks
"""
BOUND = PROPERTY.replace("return self.ssh.exec", "ssh = self.ssh\n        return ssh.exec")
GETTER = PROPERTY.replace("    @property\n", "").replace("self.ssh.", "self.ssh().")
HANDED = """\
def ensure(c):
    if not c.get_transport():
        c.connect("web1")

class Machine:
    def ask(self, question):
        ensure(self._ssh)
        return self._ssh.exec_command(question)  # asks
"""
HANDED_TO_METHOD = """\
class Machine:
    def ensure(self, c):
        if not c.get_transport():
            c.connect("web1")

    def ask(self, question):
        self.ensure(c=self._ssh)
        return self._ssh.exec_command(question)  # asks
"""
LOCKED = ENSURE.replace("        self.ensure()", "        with self.lock:\n            self.ensure()")
OF_ITS_OWN = ENSURE.replace("self.ssh.connect", "new.connect")
LOCKED_PROPERTY = PROPERTY.replace("return self.ssh.exec", "with self.lock:\n            return self.ssh.exec")
LOCKED_INSIDE = """\
class Machine:
    @property
    def ssh(self):
        with self.lock:
            if self._ssh.get_transport() is None:
                self._ssh.connect("web1")
        return self._ssh

    def ask(self, question):
        return self.ssh.exec_command(question)  # asks
"""
ANOTHER_HANDED = HANDED.replace("ensure(self._ssh)", "ensure(self._other)")
CONNECTED_BEFORE = ENSURE.replace("        self.ensure()\n", "")


@pytest.mark.parametrize(
    "source",
    [ENSURE, DECORATOR, PROPERTY, BOUND, GETTER, HANDED, HANDED_TO_METHOD],
    ids=["ensure", "decorator", "property", "property bound to a name", "getter", "helper", "helper that is a method"],
)
def test_threads_that_connect_the_client_they_wait_on_are_told(source: str, tmp_path: Path) -> None:
    (found,) = told(source, tmp_path)
    assert found.confidence is Confidence.POSSIBLE
    line = next(n for n, text in enumerate(source.splitlines(), 1) if ".connect(" in text)
    assert f"app.py:{line}" in found.message
    assert "job-1" in found.message and "job-2" in found.message


@pytest.mark.parametrize(
    "source",
    [LOCKED, OF_ITS_OWN, CONNECTED_BEFORE, LOCKED_PROPERTY, LOCKED_INSIDE, ANOTHER_HANDED],
    ids=["locked", "another client", "connected before", "locked property", "locked inside", "another one handed"],
)
def test_where_none_connects_it_unguarded_a_slow_server_may_be_the_cause(source: str, tmp_path: Path) -> None:
    assert told(source, tmp_path) == []


def test_clients_of_their_own_are_no_shared_one(tmp_path: Path) -> None:
    assert told(ENSURE, tmp_path, clients=(CLIENT, CLIENT + 16)) == []


def test_one_dump_cannot_say_that_the_server_does_not_answer(tmp_path: Path) -> None:
    assert told(ENSURE, tmp_path, times=1) == []


OVERTAKEN = """\
Thread 1 (idle): "poll-1"
    Condition.wait (threading.py:331)
    Event.wait (threading.py:629)
    AuthHandler.wait_for_response (paramiko/auth_handler.py:205)
    Transport.auth_publickey (paramiko/transport.py:1550)
    SSHClient.connect (paramiko/client.py:485)
        Arguments:
            self: <SSHClient at 0x7f00a0>
        Locals:
            t: <Transport at 0x7f00b0>
    poll (app.py:3)
    Thread._bootstrap (threading.py:1002)
Object SSHClient at 0x7f00a0: transport={now}
"""


@pytest.mark.parametrize(
    ("now", "expected"),
    [("0x7f00c0", Confidence.OBSERVED), ("0x7f00b0", None), ("None", None)],
    ids=["another thread's connection", "the one it makes", "closed meanwhile"],
)
def test_a_client_that_got_another_connection_while_it_connects_is_shared(
    now: str, expected: Confidence | None
) -> None:
    dump = "Process 7: python app.py\n\n" + OVERTAKEN.format(now=now) + TRANSPORT
    found = check_dumps(read_snapshots(dump.splitlines())).findings
    sure = [f.confidence for f in found if f.hazard == "shared-client-connect"]
    assert sure == ([expected] if expected else [])
