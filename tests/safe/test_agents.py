"""Keys of agents: real ones, and some that refuse, say nothing or make no sense."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from key_files import keygen

from paramedic.safe import AuthFailed, Limits, authentication, key_login, packets


@pytest.fixture
def agent(folder: Path, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Starts an agent and gives it keys; says where it listens."""
    if shutil.which("ssh-agent") is None:
        pytest.skip("ssh-agent is not installed (Debian: openssh-client)")
    path = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        running.stdout.readline()  # it listens before it says so

        def add(*names: str) -> str:
            files = [str(folder / name) for name in names]
            environment = {**os.environ, "SSH_AUTH_SOCK": str(path)}
            subprocess.run(["ssh-add", "-q", *files], check=True, timeout=20, env=environment, capture_output=True)
            return str(path)

        yield add
        running.terminate()


def test_an_agent_of_the_environment(
    login: Callable[..., str], agent: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", agent("stranger", "ecdsa"))
    assert login(allow_agent=True) == "in"
    with pytest.raises(AuthFailed):
        login("IdentityAgent none", allow_agent=True)


def test_an_agent_of_the_configuration(
    login: Callable[..., str], agent: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    path = agent("rsa")
    assert login(f"IdentityAgent {path}", allow_agent=True) == "in"
    assert login(f'IdentityAgent "{path}"', allow_agent=True) == "in"


def test_of_an_agents_keys_only_those_that_are_configured(
    login: Callable[..., str], agent: Callable[..., str], folder: Path, tmp_path: Path
) -> None:
    others = []
    for n in range(8):  # more than the server listens to (MaxAuthTries 6)
        keygen("-t", "ed25519", "-N", "", "-f", str(tmp_path / f"other{n}"))
        others.append(str(tmp_path / f"other{n}"))
    path = agent(*others, "ed25519")
    (tmp_path / "mine.pub").write_text((folder / "ed25519.pub").read_text())
    for name in ("mine.pub", "mine"):  # with and without the ending; the private half is the agent's alone
        lines = [f"IdentityAgent {path}", "IdentitiesOnly yes", f"IdentityFile {tmp_path}/{name}"]
        assert login(*lines, allow_agent=True) == "in"
    with pytest.raises(AuthFailed):
        login(f"IdentityAgent {path}", "IdentitiesOnly yes", allow_agent=True)


@pytest.mark.parametrize("only", ["no", "yes"])
def test_an_agents_key_is_used_with_a_certificate_that_the_agent_does_not_have(
    login: Callable[..., str], agent: Callable[..., str], folder: Path, tmp_path: Path, only: str
) -> None:
    # Its file needs a passphrase that nobody tells us: keys are unlocked once, and signed each day.
    for old, new in {"stranger": "mine", "stranger.pub": "mine.pub", "other-cert.pub": "mine-cert.pub"}.items():
        shutil.copy(folder / old, tmp_path / new)
    keygen("-p", "-P", "", "-N", "open sesame", "-f", str(tmp_path / "mine"))
    path = agent("stranger")
    lines = [f"IdentityAgent {path}", f"IdentitiesOnly {only}", f"IdentityFile {tmp_path}/mine"]
    assert login(*lines, allow_agent=True) == "in"
    (tmp_path / "mine-cert.pub").unlink()
    with pytest.raises(AuthFailed):
        login(*lines, allow_agent=True)
    assert login(*lines, "CertificateFile {d}/other-cert.pub", allow_agent=True) == "in"


def test_an_agent_that_is_gone_is_no_agent(login: Callable[..., str], tmp_path: Path) -> None:
    assert login(f"IdentityAgent {tmp_path}/nothing", "IdentityFile {d}/rsa", allow_agent=True) == "in"


LISTS, REFUSES, IDENTITIES = 11, 5, 12


@contextlib.contextmanager
def listening(path: Path, answer: Callable[[int], bytes | None]) -> Iterator[str]:
    """Something that listens like an agent, and answers each kind of question like that; None: not at all."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener, contextlib.ExitStack() as open_ones:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    conn = open_ones.enter_context(listener.accept()[0])
                    while len(head := conn.recv(4, socket.MSG_WAITALL)) == 4:
                        question = conn.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL)
                        said = answer(question[0])
                        if said == b"":
                            conn.close()
                            break
                        if said is not None:
                            conn.sendall(len(said).to_bytes(4, "big") + said)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield str(path)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(30)


def with_keys(folder: Path, *names: str) -> bytes:
    keys = [base64.b64decode((folder / f"{name}.pub").read_text().split()[1]) for name in names]
    said = bytes([IDENTITIES]) + len(keys).to_bytes(4, "big")
    return said + b"".join(packets.string(key) + packets.string(b"comment") for key in keys)


@pytest.mark.parametrize(
    "answer", [b"", bytes([REFUSES]), bytes([IDENTITIES]) + b"\0\0\0\1\0\0\0\x0bssh-ed25519", b"\xff"]
)
def test_an_agent_that_makes_no_sense_is_no_agent(
    login: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: Path, answer: bytes
) -> None:
    # The default keys come after those of an agent.
    with listening(tmp_path / "agent", lambda kind: answer) as path:
        monkeypatch.setenv("SSH_AUTH_SOCK", path)
        monkeypatch.setattr(authentication, "default_keys", lambda: (str(folder / "rsa"),))
        assert login(allow_agent=True, look_for_keys=True) == "in"
        assert login(f"IdentityAgent {path}", allow_agent=True, look_for_keys=True) == "in"


@pytest.mark.parametrize("software", ["SSH-2.0-OpenSSH_", "SSH-2.0-Other_"])
@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_a_key_that_its_agent_refuses_to_use_is_followed_by_the_next(
    login: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: Path, kind: str, software: str
) -> None:
    # Its owner was asked, and said no, or his token is not there.
    monkeypatch.setattr(key_login, "_TAKES_BOTH", software)
    listed = with_keys(folder, kind)
    with listening(tmp_path / "agent", lambda asked: listed if asked == LISTS else bytes([REFUSES])) as path:
        monkeypatch.setattr(authentication, "default_keys", lambda: (str(folder / "stranger"), str(folder / kind)))
        assert login(f"IdentityAgent {path}", allow_agent=True, look_for_keys=True) == "in"


def test_a_token_that_paramiko_does_not_know_is_followed_by_the_next_key(
    login: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: Path
) -> None:
    public = b"".join(map(packets.string, (b"sk-ssh-ed25519@openssh.com", bytes(32), b"ssh:")))
    listed = bytes([IDENTITIES]) + b"\0\0\0\1" + packets.string(public) + packets.string(b"token")
    monkeypatch.setattr(authentication, "default_keys", lambda: (str(folder / "rsa"),))
    with listening(tmp_path / "agent", lambda asked: listed if asked == LISTS else bytes([REFUSES])) as path:
        assert login(f"IdentityAgent {path}", allow_agent=True, look_for_keys=True) == "in"


def test_an_agent_that_does_not_sign_ends_in_time(
    login: Callable[..., str], tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = with_keys(folder, "ed25519", "ecdsa")
    with listening(tmp_path / "agent", lambda asked: listed if asked == LISTS else None) as path:
        with pytest.raises(AuthFailed, match="tried publickey .agent.: .*the agent does not answer"):
            login(f"IdentityAgent {path}", allow_agent=True, limits=Limits(auth=0.3))


def test_a_key_is_offered_once_wherever_it_is_found(
    login: Callable[..., str], agent: Callable[..., str], folder: Path, tmp_path: Path
) -> None:
    # Four strangers of the agent and one of a file, which the agent has too: the sixth try is the last (MaxAuthTries).
    others = [tmp_path / f"other{n}" for n in range(4)]
    for other in others:
        keygen("-t", "ed25519", "-N", "", "-f", str(other))
    path = agent(*map(str, others), "ed25519")
    lines = [f"IdentityAgent {path}", *(f"IdentityFile {other}" for other in others)]
    assert login(*lines, allow_agent=True) == "in"


def test_a_server_that_has_enough_is_told_with_its_own_words(login: Callable[..., str], tmp_path: Path) -> None:
    others = [tmp_path / f"other{n}" for n in range(7)]
    for other in others:
        keygen("-t", "ed25519", "-N", "", "-f", str(other))
    with pytest.raises(AuthFailed, match="Too many authentication failures") as caught:
        login(*(f"IdentityFile {other}" for other in others))
    assert "IdentitiesOnly" in (caught.value.hint or "")
