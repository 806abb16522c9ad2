"""Every way of proving who we are that a real OpenSSH server takes."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
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
    Limits,
    authentication,
    key_login,
)
from paramedic.safe.keys import load_key, public_blob, with_certificates
from paramedic.safe.link import Link
from paramedic.safe.packetizer import Packetizer

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
    from paramedic.safe import Destination, Group

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
    for extensions, at_once in (({}, False), ({"server-sig-algs": b""}, True)):
        link = SimpleNamespace(server_extensions=extensions, remote_version="SSH-2.0-OpenSSH_9.2p1")
        assert key_login._signs_at_once(cast(Link, link), key) is at_once


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


def test_a_server_that_does_not_answer_is_asked_nothing_else(
    login: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its answer may come yet; with a second question under way, it would be taken for the answer to that.
    asked: list[Any] = []

    def never(link: Any, user: str, key: Any) -> list[str]:
        asked.append(key)
        raise paramiko.AuthenticationException("Authentication timeout.")

    monkeypatch.setattr(authentication, "by_key", never)
    with pytest.raises(AuthFailed, match="tried publickey [^,]*: Authentication timeout"):
        login("IdentityFile {d}/ed25519", "IdentityFile {d}/rsa")
    assert len(asked) == 1


def second(link: Any, user: str, key: Any, then: Callable[..., list[str]]) -> list[str]:
    if not getattr(link, "tried", False):
        link.tried = True
        raise paramiko.AuthenticationException("Authentication failed.")
    return then(link, user, key)
