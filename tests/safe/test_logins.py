"""Every way of proving who we are that a real OpenSSH server takes."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import paramiko
import pytest

from openssh import running_sshd
from paramedic.safe import (
    AuthFailed,
    BadConfiguration,
    ClientPool,
    CommandTimeout,
    ConnectFailed,
    HostKeyError,
    KnownHosts,
    authentication,
    key_login,
)
from paramedic.safe.keys import load_key, public_blob, with_certificates
from paramedic.safe.link import Link
from paramedic.safe.packetizer import Packetizer

KEYS = {
    "ed25519": ["-t", "ed25519"],
    "ecdsa": ["-t", "ecdsa"],
    "rsa": ["-t", "rsa", "-b", "2048"],
    "rsa-pem": ["-t", "rsa", "-b", "2048", "-m", "PEM"],
    "rsa-pkcs8": ["-t", "rsa", "-b", "2048", "-m", "PKCS8"],
    "locked": ["-t", "ed25519"],
    "locked-pkcs8": ["-t", "ecdsa", "-m", "PKCS8"],
    "certified": ["-t", "ed25519"],
    "expired": ["-t", "ed25519"],
    "stranger": ["-t", "ed25519"],
    "authority": ["-t", "ed25519"],
}


def keygen(*words: str) -> None:
    subprocess.run(["ssh-keygen", "-q", *words], check=True, timeout=60, capture_output=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("OpenSSH is not installed (Debian: openssh-client)")
    folder = tmp_path_factory.mktemp("keys")
    for name, words in KEYS.items():
        keygen(*words, "-N", "open sesame" if "locked" in name else "", "-f", str(folder / name))
    for name, validity in {"certified": "-1h:+1h", "expired": "20200101:20200102", "stranger": "-1h:+1h"}.items():
        who = ["-s", str(folder / "authority"), "-I", name, "-n", getpass.getuser(), "-V", validity]
        keygen(*who, str(folder / f"{name}.pub"))
    who = ["-s", str(folder / "authority"), "-I", "stranger", "-n", "nobody-at-all"]
    (folder / "for-nobody.pub").write_text((folder / "stranger.pub").read_text())
    keygen(*who, str(folder / "for-nobody.pub"))
    # The stranger's certificates are there under other names only.
    (folder / "stranger-cert.pub").rename(folder / "other-cert.pub")
    authorized = [n for n in KEYS if n not in ("certified", "stranger", "authority")]
    (folder / "authorized").write_text("".join((folder / f"{name}.pub").read_text() for name in authorized))
    return folder


@pytest.fixture(scope="module")
def server(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = [f"AuthorizedKeysFile {folder}/authorized", f"TrustedUserCAKeys {folder}/authority.pub"]
    home = tmp_path_factory.mktemp("home")
    with running_sshd(tmp_path_factory.mktemp("sshd"), *options, f"SetEnv HOME={home}") as server:
        yield server


@pytest.fixture
def login(server: Any, folder: Path, tmp_path: Path) -> Callable[..., str]:
    """Runs a command with a configuration of these lines, and says what came back."""

    def run(*lines: str, **more: Any) -> str:
        config = tmp_path / "config"
        config.write_text("\n".join(lines).format(d=folder) + "\n")
        given = {"allow_agent": False, "look_for_keys": False} | more
        known = KnownHosts(server.known_hosts_file)
        with ClientPool(server.host, port=server.port, known_hosts=known, config=config, **given) as pool:
            return pool.run("echo in", total_timeout=30).text.strip()

    return run


GOOD: dict[str, tuple[list[str], dict[str, Any]]] = {
    "an Ed25519 key": (["IdentityFile {d}/ed25519"], {}),
    "an ECDSA key": (["IdentityFile {d}/ecdsa"], {}),
    "an RSA key": (["IdentityFile {d}/rsa"], {}),
    "an RSA key of the old format": (["IdentityFile {d}/rsa-pem"], {}),
    "an RSA key in PKCS#8": (["IdentityFile {d}/rsa-pkcs8"], {}),
    "a passphrase that another key needs": (["IdentityFile {d}/rsa-pkcs8"], {"passphrase": "open sesame"}),
    "a key with a passphrase": (["IdentityFile {d}/locked"], {"passphrase": "open sesame"}),
    "a key in PKCS#8 with a passphrase": (["IdentityFile {d}/locked-pkcs8"], {"passphrase": "open sesame"}),
    "the right one of several": ([f"IdentityFile {{d}}/{name}" for name in ("stranger", "nothing", "rsa")], {}),
    "a certificate beside its key": (["IdentityFile {d}/certified"], {}),
    "a certificate that is named": (
        ["IdentityFile {d}/stranger", "CertificateFile {d}/nothing", "CertificateFile {d}/other-cert.pub"],
        {},
    ),
    "the second of two certificates of one key": (
        ["IdentityFile {d}/stranger"] + [f"CertificateFile {{d}}/{c}-cert.pub" for c in ("for-nobody", "other")],
        {},
    ),
    "the certificate of another key does not matter": (
        ["IdentityFile {d}/ed25519", "CertificateFile {d}/other-cert.pub"],
        {},
    ),
    "the key alone where its certificate is no good": (["IdentityFile {d}/expired"], {}),
}


@pytest.mark.parametrize("story", GOOD)
def test_logins_that_work(login: Callable[..., str], story: str) -> None:
    lines, more = GOOD[story]
    assert login(*lines, **more) == "in"


BAD: dict[str, tuple[list[str], dict[str, Any], type[Exception], str]] = {
    "a key that is not known there": (["IdentityFile {d}/stranger"], {}, AuthFailed, "stranger"),
    "no key at all": ([], {}, AuthFailed, "nothing"),
    "a configured key without its passphrase": (
        ["IdentityFile {d}/locked"],
        {},
        AuthFailed,
        "tried nothing: not used: .*/locked needs a passphrase",
    ),
    "a password where none is taken": ([], {"password": "guess"}, AuthFailed, "not accepted"),
    "a user who does not exist": (["User nobody-at-all", "IdentityFile {d}/rsa"], {}, AuthFailed, "nobody-at-all"),
    "a command for a proxy that fails": (["ProxyCommand false"], {}, ConnectFailed, "exited with status 1"),
    "a jump host that is not there": (
        ["Host 127.0.0.1", "ProxyJump 127.0.0.2:1"],
        {},
        ConnectFailed,
        "jump host 127.0.0.2:1: 127.0.0.2 port 1: Connection refused",
    ),
}


@pytest.mark.parametrize("story", BAD)
def test_logins_that_fail(login: Callable[..., str], story: str) -> None:
    lines, more, kind, words = BAD[story]
    with pytest.raises(kind, match=words) as caught:
        login(*lines, **more)
    assert caught.value.host == "127.0.0.1"  # type: ignore[attr-defined]
    assert caught.value.phase  # type: ignore[attr-defined]


def test_directories_in_place_of_files_are_told(server: Any, login: Callable[..., str], tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="is a directory") as key:
        login(key_filename=str(tmp_path))
    assert (key.value.host, key.value.phase) == ("127.0.0.1", "auth")
    known = KnownHosts(tmp_path)
    with ClientPool(server.host, port=server.port, known_hosts=known) as pool:
        with pytest.raises(HostKeyError, match="known hosts cannot be read") as hosts:
            pool.run("true", total_timeout=30)
    assert (hosts.value.host, hosts.value.phase) == (server.host, "host key")


@pytest.mark.parametrize("key", ["locked", "locked-pkcs8"])
@pytest.mark.parametrize(("passphrase", "words"), [(None, "needs a passphrase"), ("wrong", "cannot be used")])
def test_a_key_that_the_caller_names_and_that_cannot_be_used_is_told(
    login: Callable[..., str], folder: Path, passphrase: str | None, words: str, key: str
) -> None:
    with pytest.raises((BadConfiguration, ConnectFailed), match=words):
        login(key_filename=folder / key, passphrase=passphrase)


def test_a_server_that_wants_two_keys(folder: Path, tmp_path: Path, login: Callable[..., str]) -> None:
    options = [f"AuthorizedKeysFile {folder}/authorized", "AuthenticationMethods publickey,publickey"]
    (tmp_path / "sshd").mkdir()
    with running_sshd(tmp_path / "sshd", *options, f"SetEnv HOME={tmp_path}") as server:
        given = {"known_hosts": KnownHosts(server.known_hosts_file), "allow_agent": False, "look_for_keys": False}
        both = [folder / "ed25519", folder / "rsa"]
        with ClientPool(server.host, port=server.port, key_filename=both, **given) as pool:
            assert pool.run("echo in", total_timeout=30).text == "in\n"
        with (
            ClientPool(server.host, port=server.port, key_filename=both[0], **given) as pool,
            pytest.raises(AuthFailed),
        ):
            pool.run("true", total_timeout=30)


# -- agents


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


# -- keys


def test_what_is_known_of_key_files(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "rubbish").write_text("not a key\n")
    assert load_key(str(tmp_path / "nothing")) is None
    assert public_blob(str(tmp_path / "nothing")) is None
    assert public_blob(str(tmp_path / "rubbish")) is None
    with pytest.raises(BadConfiguration):
        load_key(str(tmp_path / "rubbish"))
    key = load_key(str(folder / "stranger"))
    assert public_blob(str(folder / "stranger")) == public_blob(str(folder / "stranger.pub")) == key.asbytes()
    assert public_blob(str(folder / "locked")) is not None  # the public half needs no passphrase

    def again() -> Any:
        return load_key(str(folder / "stranger"))

    others = [str(tmp_path / "rubbish"), str(folder / "certified-cert.pub"), str(folder / "rsa.pub")]
    assert with_certificates(again, others) == []
    (certified,) = with_certificates(again, [*others, str(folder / "other-cert.pub")])
    assert certified.public_blob.key_type == "ssh-ed25519-cert-v01@openssh.com"


def test_hosts_behind_a_dead_jump_host_do_not_wait_for_it_one_after_the_other() -> None:
    from paramedic.safe import Destination, Group, Limits

    with socket.create_server(("127.0.0.1", 0), backlog=64) as mute:  # it takes connections and says nothing
        jump = Destination(host="jump", hostname="127.0.0.1", port=mute.getsockname()[1], username="x")
        dead = Destination(host="dead", hostname="127.0.0.1", port=1, username="x")
        found = {}
        for name, jumps in {"m": (jump,), "d": (dead,)}.items():
            hosts = [Destination(host=f"{name}{n}", hostname="127.0.0.1", jumps=jumps) for n in range(40)]
            given: dict[str, Any] = {
                "known_hosts": KnownHosts(os.devnull),
                "allow_agent": False,
                "look_for_keys": False,
            }
            with Group(hosts, limits=Limits(banner=0.2, total=3.0), **given) as group:
                found[name] = group.run("true").failed
    for outcome in (*found["m"], *found["d"]):
        assert outcome.error is not None
        assert outcome.error.host == outcome.host
    assert {type(outcome.error) for outcome in found["m"]} <= {CommandTimeout, ConnectFailed}
    said = {outcome.error.message for outcome in found["d"] if outcome.error}
    assert said == {"jump host dead: 127.0.0.1 port 1: Connection refused"}
    assert (len(found["m"]), len(found["d"])) == (40, 40)


def test_a_configuration_that_wants_gssapi_does_without_where_there_is_none(login: Callable[..., str]) -> None:
    # Debian's /etc/ssh/ssh_config does.
    assert login("GSSAPIAuthentication yes", "IdentityFile {d}/ed25519") == "in"


ASKED, GRANTED, PROOF, WELCOME = 5, 6, 50, 52


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
@pytest.mark.parametrize(
    ("software", "order"),
    [
        ("SSH-2.0-OpenSSH_", [ASKED, PROOF, GRANTED, WELCOME]),
        ("SSH-2.0-Other_", [ASKED, GRANTED, PROOF, WELCOME]),
    ],
)
def test_a_known_server_gets_the_proof_in_one_flight(
    login: Callable[..., str], monkeypatch: pytest.MonkeyPatch, kind: str, software: str, order: list[int]
) -> None:
    said: list[int] = []
    proven = threading.Event()
    send, read, signs = Packetizer.send_messages, Packetizer.read_message, key_login._signs_at_once

    def sent(self: Packetizer, messages: Iterable[bytes]) -> None:
        messages = tuple(messages)
        said.extend(message[0] for message in messages)
        send(self, messages)
        if PROOF in said:
            proven.set()

    def came(self: Packetizer) -> Any:
        number, message = read(self)
        if number == GRANTED and order[1] == PROOF:
            proven.wait(30)  # who proves without a grant does so however late that comes
        said.append(number)
        return number, message

    def signs_at_once(link: Link, key: Any) -> bool:
        # For an RSA key, that the list of algorithms has come decides; here it has.
        deadline = time.monotonic() + 30
        while not link.server_extensions and time.monotonic() < deadline:
            threading.Event().wait(0.01)
        return signs(link, key)

    monkeypatch.setattr(Packetizer, "send_messages", sent)
    monkeypatch.setattr(Packetizer, "read_message", came)
    monkeypatch.setattr(key_login, "_signs_at_once", signs_at_once)
    monkeypatch.setattr(key_login, "_TAKES_BOTH", software)
    assert login(f"IdentityFile {{d}}/{kind}") == "in"
    assert [number for number in said if number in order] == order


def test_an_rsa_key_waits_for_the_list_of_algorithms() -> None:
    key = paramiko.RSAKey.generate(1024)
    assert not key_login._signs_at_once(cast(Link, SimpleNamespace(server_extensions={})), key)
    assert key_login._signs_at_once(cast(Link, SimpleNamespace(server_extensions={"server-sig-algs": b""})), key)


def test_a_login_that_the_network_breaks_off_is_tried_again(
    login: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, broken = authentication.by_key, []

    def breaks_off(link: Any, *arguments: Any) -> list[str]:
        if not broken:
            broken.append(link)
            link.close()
            raise ConnectionResetError("reset")
        return real(link, *arguments)

    monkeypatch.setattr(authentication, "by_key", breaks_off)
    assert login("IdentityFile {d}/rsa") == "in"
    assert broken
    broken.clear()
    with pytest.raises(AuthFailed, match="hung up|reset"):  # the second key: it may have had enough of them
        monkeypatch.setattr(authentication, "by_key", lambda link, user, key: second(link, user, key, breaks_off))
        login("IdentityFile {d}/stranger", "IdentityFile {d}/rsa")


def second(link: Any, user: str, key: Any, then: Callable[..., list[str]]) -> list[str]:
    if not getattr(link, "tried", False):
        link.tried = True
        raise paramiko.AuthenticationException("Authentication failed.")
    return then(link, user, key)
