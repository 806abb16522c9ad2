"""Whether who used a client had asked, at the same place, what made another thread connect it."""

from __future__ import annotations

from pathlib import Path

import pytest

from paramedic.lint.redialling import Redialling
from paramedic.model.finding import Site

EITHER = {
    "a question at a helper's": """
class Link:
    def up(self):
        transport = self.ssh.get_transport()
        return transport is not None and transport.is_active()

    def call(self, command):
        if not self.up():
            self.ssh.connect("web1")  # connect
        return self.ssh.exec_command(command)  # use
""",
    "the connect in a helper that is left early": """
class Link:
    def ensure(self):
        transport = self.ssh.get_transport()
        if transport and transport.is_active():
            return
        self.ssh.connect("web1")  # connect

    def call(self, command):
        self.ensure()  # outer
        return self.ssh.exec_command(command)  # use
""",
    "a retry that connects": """
def call(ssh, command):
    while True:
        try:
            return ssh.exec_command(command)  # use
        except SSHException:
            ssh.connect("web1")  # connect
""",
}
FLAGS = {
    "a flag that is set afterwards": """
class Link:
    def ensure(self):
        if self.ready:
            return
        self.ssh.connect("web1")  # connect
        self.ready = True

    def call(self, command):
        self.ensure()  # outer
        return self.ssh.exec_command(command)  # use
""",
    "a global one": """
def call(command):
    global state
    if state != "up":
        ssh.connect("web1")  # connect
        state = "up"
    return ssh.exec_command(command)  # use
""",
}
EARLY = {
    "a flag that is set before": """
class Link:
    def call(self, command):
        if not self.ready:
            with self.lock:
                if not self.ready:
                    self.ready = True
                    self.ssh.connect("web1")  # connect
        return self.ssh.exec_command(command)  # use
""",
}
NOT = {
    "a flag that nobody else sees": """
def call(ssh, command, ready):
    if not ready:
        ssh.connect("web1")  # connect
        ready = True
    return ssh.exec_command(command)  # use
""",
    "a flag that is taken back": """
class Link:
    def call(self, command):
        if self.leads:
            self.ssh.connect("web1")  # connect
            self.leads = False
        return self.ssh.exec_command(command)  # use
""",
    "another question": """
class Link:
    def call(self, command):
        if self.leads:
            self.ssh.connect("web1")  # connect
        return self.ssh.exec_command(command)  # use
""",
    "no question": """
class Link:
    def call(self, command):
        self.ssh.connect("web1")  # connect
        return self.ssh.exec_command(command)  # use
""",
    "only some come by it": """
class Link:
    def call(self, command):
        if self.leads:
            if not self.ssh.get_transport():
                self.ssh.connect("web1")  # connect
        return self.ssh.exec_command(command)  # use
""",
    "a use before it": """
class Link:
    def call(self, command):
        out = self.ssh.exec_command(command)  # use
        if not self.ssh.get_transport().is_active():
            self.ssh.connect("web1")  # connect
        return out
""",
    "no source": "",
}


STORED = {
    "in a dict, and connected then": """
def client(name):
    if name not in clients:
        c = clients[name] = SSHClient()
        c.connect(name)  # connect
    return clients[name]

def fact(name):
    return client(name).exec_command("true")  # use outer
""",
    "in a class, with a look before the lock": """
def client(cls):
    if cls.ssh is None:
        with cls.lock:
            if cls.ssh is None:
                cls.ssh = SSHClient()
                cls.ssh.connect("web1")  # connect
    return cls.ssh

def fact(cls):
    return client(cls).exec_command("true")  # use outer
""",
    "in a global": """
def client():
    global ssh
    if ssh is None:
        ssh = SSHClient()
        ssh.connect("web1")  # connect
    return ssh

def fact(cls):
    return client().exec_command("true")  # use outer
""",
}
KEPT_BACK = {
    "stored when it is connected": """
def client(name):
    if name not in clients:
        c = SSHClient()
        c.connect(name)  # connect
        clients[name] = c
    return clients[name]

def fact(name):
    return client(name).exec_command("true")  # use outer
""",
    "a question that has to do with something else": """
def client(cls):
    if cls.leads:
        cls.ssh = SSHClient()
        cls.ssh.connect("web1")  # connect
    return cls.ssh

def fact(cls):
    return client(cls).exec_command("true")  # use outer
""",
}


def _site(file: Path, mark: str) -> list[Site]:
    """The stack that ends at the marked line, in the function that is before it."""
    stack: list[Site] = []
    lines = file.read_text().splitlines()
    for wanted in (mark, "outer"):
        for number, line in enumerate(lines, 1):
            if wanted in line.partition("# ")[2].split():
                function = next(o for o in reversed(lines[:number]) if o.lstrip().startswith("def ")).split()[1]
                stack.append(Site(file=str(file), line=number, function=function.partition("(")[0]))
        if mark == "use":
            break
    return stack


def _either(source: str, folder: Path, had: bool = True, held: bool = False) -> bool:
    file = folder / "app.py"
    file.write_text(source)
    connect, use = _site(file, "connect"), _site(file, "use")
    if not source:
        connect = use = [Site(file=str(folder / "gone.py"), line=3, function="call")]
    return Redialling().may_be_either(connect, use, had, held)


@pytest.mark.parametrize("sentence", EITHER)
def test_either_might_have_connected(sentence: str, tmp_path: Path) -> None:
    assert _either(EITHER[sentence], tmp_path)


@pytest.mark.parametrize("sentence", FLAGS)
def test_a_flag_that_is_set_afterwards_keeps_nobody_out_and_a_lock_does(sentence: str, tmp_path: Path) -> None:
    assert _either(FLAGS[sentence], tmp_path)
    assert not _either(FLAGS[sentence], tmp_path, held=True)


@pytest.mark.parametrize("sentence", EARLY)
def test_a_flag_that_is_set_too_early_misleads_whoever_has_a_lock(sentence: str, tmp_path: Path) -> None:
    assert _either(EARLY[sentence], tmp_path)
    assert _either(EARLY[sentence], tmp_path, held=True)


@pytest.mark.parametrize("sentence", NOT)
def test_only_the_one_would_have_connected(sentence: str, tmp_path: Path) -> None:
    assert not _either(NOT[sentence], tmp_path)


@pytest.mark.parametrize("sentence", STORED)
def test_a_client_is_found_before_it_is_connected(sentence: str, tmp_path: Path) -> None:
    assert _either(STORED[sentence], tmp_path, had=False)


@pytest.mark.parametrize("sentence", KEPT_BACK)
def test_a_client_is_kept_back_until_it_is_connected(sentence: str, tmp_path: Path) -> None:
    assert not _either(KEPT_BACK[sentence], tmp_path, had=False)


@pytest.mark.parametrize("sentence", EITHER)
def test_who_did_not_have_it_could_not_have_connected_it(sentence: str, tmp_path: Path) -> None:
    assert not _either(EITHER[sentence], tmp_path, had=False)


def test_functions_that_have_nothing_in_common(tmp_path: Path) -> None:
    file = tmp_path / "app.py"
    file.write_text(EITHER["a question at a helper's"])
    other = Site(file=str(file), line=3, function="Link.up")
    assert not Redialling().may_be_either(_site(file, "connect"), [other], True)
