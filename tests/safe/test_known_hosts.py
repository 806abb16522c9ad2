"""Host keys, as OpenSSH judges them: real servers, real ssh-keygen, many threads and processes."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import paramiko
import pytest

from paramedic.safe import (
    BadConfiguration,
    ChangedHostKey,
    ClientPool,
    Group,
    HostKeyError,
    KnownHosts,
    RevokedHostKey,
    UnknownHostKey,
    known_hosts,
)


@pytest.fixture(scope="module")
def keys() -> list[Any]:
    return [paramiko.ECDSAKey.generate() for _ in range(3)]


def line(names: str, key: Any, marker: str = "") -> str:
    return f"{marker + ' ' if marker else ''}{names} {key.get_name()} {key.get_base64()}\n"


# the file, with A, B for keys -> what becomes of key A of web1:22
FILES: dict[str, tuple[str, type[Exception] | None]] = {
    "the key is there": ("web1 A", None),
    "names do not care for case": ("WEB1 A", None),
    "one of several names": ("web0,web1,10.0.0.1 A", None),
    "one of several keys": ("web1 B\nweb1 A", None),
    "a pattern": ("web* A", None),
    "a pattern with an exception": ("web*,!web1 A", UnknownHostKey),
    "an exception for another host": ("web*,!web2 A", None),
    "the file is empty": ("", UnknownHostKey),
    "only other hosts": ("web2 A", UnknownHostKey),
    "only another port": ("[web1]:2222 A", UnknownHostKey),
    "another key": ("web1 B", ChangedHostKey),
    "another key by a pattern": ("web? B", ChangedHostKey),
    "the key is revoked": ("web1 A\n@revoked * A", RevokedHostKey),
    "another key is revoked": ("web1 A\n@revoked * B", None),
    "an authority says nothing about plain keys": ("@cert-authority * A", UnknownHostKey),
    "a key of SSH 1": ("web1 1024 35 123456789", UnknownHostKey),
    "a key that was cut off": ("web1 ecdsa-sha2-nistp256\tAAAAE2VjZHNhLXNoYTItbm==", UnknownHostKey),
    "a key that is none": ("web1 ecdsa-sha2-nistp256 no!key", UnknownHostKey),
    "a key under another type's name": ("web1 ssh-rsa\tAAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAI", UnknownHostKey),
    "comments and rubbish do not matter": ("# web1 B\nweb1\nweb1 x\n\n   \n|1|!|x ssh-rsa AAA\nweb1 A comment", None),
}


@pytest.mark.parametrize("story", FILES)
def test_what_the_file_says(tmp_path: Path, keys: list[Any], story: str) -> None:
    text, expected = FILES[story]
    file = tmp_path / "known_hosts"
    for name, key in zip("AB", keys, strict=False):
        text = text.replace(f" {name}", f" {key.get_name()} {key.get_base64()}")
    file.write_text(text)
    known = KnownHosts(file)
    if expected is None:
        known.verify("web1", 22, keys[0])
    else:
        with pytest.raises(expected) as caught:
            known.verify("web1", 22, keys[0])
        assert type(caught.value) is expected
        assert (caught.value.host, caught.value.phase) == ("web1", "host key")
        assert caught.value.hint


def test_other_ports_have_names_of_their_own(tmp_path: Path, keys: list[Any]) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(line("[web1]:2222", keys[0]) + line("[web*]:22??", keys[1]))
    KnownHosts(file).verify("web1", 2222, keys[0])
    KnownHosts(file).verify("web7", 2299, keys[1])
    with pytest.raises(UnknownHostKey):
        KnownHosts(file).verify("web1", 22, keys[0])


def test_a_known_host_keeps_its_key_on_another_port(tmp_path: Path, keys: list[Any]) -> None:
    file = tmp_path / "known_hosts"
    text = line("web1", keys[0]) + line("[web1]:2222", keys[1])
    file.write_text(text)
    known = KnownHosts(file, policy="accept-new")
    known.verify("web1", 2200, keys[0])
    assert file.read_text() == text
    assert known.key_types("web1", 2200) == (keys[0].get_name(),)
    with pytest.raises(UnknownHostKey):
        KnownHosts(file).verify("web1", 2200, keys[2])
    with pytest.raises(ChangedHostKey):  # what is said of the port itself counts more
        known.verify("web1", 2222, keys[0])
    known.verify("web1", 2200, keys[2])  # new there, as `ssh -o StrictHostKeyChecking=accept-new` has it
    assert len(file.read_text().splitlines()) == 3


def test_what_is_appended_is_read_alone_and_what_is_changed_is_read_anew(
    tmp_path: Path, keys: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[str] = []
    load = known_hosts._Index._load

    def count(index: Any, text: str) -> None:
        parsed.extend(text.splitlines())
        load(index, text)

    monkeypatch.setattr(known_hosts._Index, "_load", count)
    file = tmp_path / "known_hosts"
    known = KnownHosts(file, policy="accept-new")
    for number in range(50):
        known.verify(f"web{number}", 22, keys[0])
    known.lookup("web0")
    assert len(parsed) == 50
    (changed,) = known.lookup("web49")
    assert changed.where == f"{file}:50"
    file.write_text("# two\n" + file.read_text())
    (changed,) = known.lookup("web49")
    assert changed.where == f"{file}:51"
    file.write_text(line("web1", keys[1]))
    assert [known.lookup(name) != () for name in ("web0", "web1")] == [False, True]
    file.unlink()
    assert known.lookup("web1") == ()
    file.write_text(line("web1", keys[1]).rstrip("\n"))
    assert known.lookup("web12") == ()
    with file.open("a") as more:
        more.write(" comment\n" + line("web12", keys[2]))
    (found,) = known.lookup("web12")
    assert found.where == f"{file}:2"


def test_names_that_ssh_keygen_hashed_are_found(tmp_path: Path, keys: list[Any]) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(line("web1", keys[0]) + line("[web2]:2222", keys[1]))
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(file)], check=True, timeout=20, capture_output=True)
    assert "web" not in file.read_text()
    KnownHosts(file).verify("web1", 22, keys[0])
    KnownHosts(file).verify("web2", 2222, keys[1])
    with pytest.raises(ChangedHostKey):
        KnownHosts(file).verify("web1", 22, keys[2])


@pytest.mark.parametrize("hashed", [False, True])
def test_what_we_add_ssh_keygen_finds(tmp_path: Path, keys: list[Any], hashed: bool) -> None:
    file = tmp_path / "new" / "known_hosts"
    known = KnownHosts(file, policy="accept-new", hash_names=hashed)
    known.verify("web1", 22, keys[0])
    known.verify("web2", 2222, keys[1])
    known.verify("web1", 22, keys[0])
    with pytest.raises(ChangedHostKey):
        known.verify("web1", 22, keys[1])
    for name in ("web1", "[web2]:2222"):
        found = subprocess.run(["ssh-keygen", "-F", name, "-f", str(file)], timeout=20, capture_output=True, text=True)
        assert found.returncode == 0
    assert len(file.read_text().splitlines()) == 2
    assert file.stat().st_mode & 0o077 == 0
    assert ("web" in file.read_text()) is not hashed


def test_a_file_without_a_last_newline_is_not_broken(tmp_path: Path, keys: list[Any]) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(line("web1", keys[0]).rstrip("\n"))
    KnownHosts(file, policy="accept-new").add("web2", 22, keys[1])
    KnownHosts(file).verify("web1", 22, keys[0])
    KnownHosts(file).verify("web2", 22, keys[1])


def test_a_change_of_the_file_is_seen(tmp_path: Path, keys: list[Any]) -> None:
    file = tmp_path / "known_hosts"
    known = KnownHosts(file)
    with pytest.raises(UnknownHostKey):
        known.verify("web1", 22, keys[0])
    file.write_text(line("web1", keys[0]))
    known.verify("web1", 22, keys[0])


def test_eight_processes_of_eight_threads_add_at_once_and_no_entry_is_lost(tmp_path: Path, keys: list[Any]) -> None:
    file = tmp_path / "known_hosts"
    (tmp_path / "key").write_text(base64.b64encode(keys[0].asbytes()).decode())
    program = textwrap.dedent(
        f"""
        import base64, sys
        from concurrent.futures import ThreadPoolExecutor
        import paramiko
        from paramedic.safe import KnownHosts
        key = paramiko.ECDSAKey(data=base64.b64decode(open({str(tmp_path / "key")!r}).read()))
        sys.stdin.readline()
        def add(thread):
            known = KnownHosts({str(file)!r}, policy="accept-new")
            for n in range(8):
                known.verify(f"host-{{sys.argv[1]}}-{{thread}}-{{n}}", 22, key)
                known.verify(f"host-shared-{{n}}", 22, key)
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(add, range(8)))
        """
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(n)], stdin=subprocess.PIPE, text=True) for n in range(8)
    ]
    for process in processes:  # all at once, once all are there
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.close()
    assert [process.wait(90) for process in processes] == [0] * 8
    names = [text.split()[0] for text in file.read_text().splitlines()]
    wanted = {f"host-{p}-{t}-{n}" for p in range(8) for t in range(8) for n in range(8)}
    wanted |= {f"host-shared-{n}" for n in range(8)}
    assert set(names) == wanted
    assert len(names) == len(wanted)


def test_a_file_that_is_replaced_while_its_lock_is_waited_for_gets_the_entry(
    tmp_path: Path, keys: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``ssh-keygen -R`` writes another file and puts it in the place of the first."""
    fcntl = pytest.importorskip("fcntl")
    path, lock, turns = tmp_path / "known_hosts", fcntl.flock, []
    path.write_text("")

    def replaced_first(descriptor: int, how: int) -> None:
        lock(descriptor, how)
        turns.append(descriptor)
        if len(turns) == 1:
            (tmp_path / "new").write_text("# another file\n")
            (tmp_path / "new").replace(path)

    monkeypatch.setattr(fcntl, "flock", replaced_first)
    known = KnownHosts(path)
    known.add("web1", 22, keys[0])
    assert len(turns) == 2
    assert path.read_text().startswith("# another file\nweb1 ")
    known.verify("web1", 22, keys[0])


def test_keys_are_added_where_files_have_neither_locks_nor_numbers(
    tmp_path: Path, keys: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows has no ``flock`` and no ``pread``, and an open file's number need not be that of its name."""
    monkeypatch.setattr(known_hosts, "fcntl", None)
    monkeypatch.delattr("os.pread")
    monkeypatch.setattr("os.path.samestat", lambda one, other: False)
    known = KnownHosts(tmp_path / "known_hosts")
    for name, key in zip(("web1", "web2"), keys, strict=False):
        known.add(name, 22, key)
        known.verify(name, 22, key)


def test_ten_thousand_entries_are_read_once_for_all(tmp_path: Path, keys: list[Any]) -> None:
    file = tmp_path / "known_hosts"
    file.write_text("".join(line(f"host{n}", keys[n % 2]) for n in range(10_000)))
    known = KnownHosts(file)
    begun = time.process_time()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: known.verify(f"host{n}", 22, keys[n % 2]), range(10_000)))
    # paramiko.HostKeys needs half a minute of CPU to load as many; a generous bound tells linear from quadratic.
    assert time.process_time() - begun < 10


@pytest.mark.parametrize("name", ["*", "a,b", "!a", "web?", "a b", "a\nb", "#a", "@revoked", "|1|a"])
@pytest.mark.parametrize("hashed", [False, True])
def test_no_entry_is_added_that_would_mean_other_hosts(
    tmp_path: Path, keys: list[Any], name: str, hashed: bool
) -> None:
    file = tmp_path / "known_hosts"
    file.touch()
    with pytest.raises(HostKeyError, match="no entry can be named"):
        KnownHosts(file, policy="accept-new", hash_names=hashed).verify(name, 22, keys[0])
    assert not file.read_bytes()


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="is no regular file"):
        KnownHosts(tmp_path / "pipe").lookup("web1")
    with pytest.raises(OSError, match="is no regular file"):
        KnownHosts("/dev/zero").lookup("web1")
    assert KnownHosts(os.devnull).lookup("web1") == ()


def test_an_unknown_policy_is_told() -> None:
    with pytest.raises(BadConfiguration, match="accept-new"):
        KnownHosts(policy="yes")  # type: ignore[arg-type]


# -- against a server


def connect(host: Any, known: KnownHosts) -> Any:
    with ClientPool(host.server.host, **host.arguments(known_hosts=known)) as pool:
        return pool.run("echo in").text


def test_strict_refuses_an_unknown_server_and_accept_new_learns_it(host: Any, tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    with pytest.raises(UnknownHostKey, match="SHA256:"):
        connect(host, KnownHosts(file))
    assert connect(host, KnownHosts(file, policy="accept-new")) == "in\n"
    assert connect(host, KnownHosts(file)) == "in\n"


def test_a_changed_key_is_refused_even_by_accept_new(host: Any, tmp_path: Path, keys: list[Any]) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(line(f"[{host.server.host}]:{host.server.port}", keys[0]))
    for policy in ("strict", "accept-new"):
        with pytest.raises(ChangedHostKey):
            connect(host, KnownHosts(file, policy=policy))  # type: ignore[arg-type]
    assert connect(host, KnownHosts(file, policy="off")) == "in\n"


@pytest.fixture(scope="module")
def certified(start_host: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    folder = tmp_path_factory.mktemp("authority")

    def make(name: str, *options: str) -> tuple[Any, Path]:
        for file in ("ca", name):
            if not (folder / file).exists():
                subprocess.run(
                    ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / file)], check=True, timeout=20
                )
        sign = ["ssh-keygen", "-q", "-s", str(folder / "ca"), "-I", name, *options, str(folder / f"{name}.pub")]
        subprocess.run(sign, check=True, timeout=20)
        started = start_host(f"HostKey {folder / name}", f"HostCertificate {folder / (name + '-cert.pub')}")
        return started, folder / "ca.pub"

    return make


CERTIFICATES: dict[str, tuple[list[str], str | None]] = {
    "good": (["-h", "-n", "127.0.0.1"], None),
    "for-others": (["-h", "-n", "elsewhere"], "is for elsewhere"),
    "expired": (["-h", "-n", "127.0.0.1", "-V", "20200101:20200102"], "not valid at this time"),
}


@pytest.mark.parametrize("name", ["good", "for-others", "expired"])
def test_certificates_of_an_authority(
    certified: Callable[..., Any], tmp_path: Path, keys: list[Any], name: str
) -> None:
    options, problem = CERTIFICATES[name]
    server, authority = certified(name, *options)
    file = tmp_path / "known_hosts"
    file.write_text("@cert-authority * " + authority.read_text())
    if problem is None:
        assert connect(server, KnownHosts(file)) == "in\n"
        file.write_text(file.read_text() + "@revoked * " + authority.read_text())
        with pytest.raises(HostKeyError):
            connect(server, KnownHosts(file))
    else:
        with pytest.raises(HostKeyError, match=problem):
            connect(server, KnownHosts(file))
        authorities = file.read_text()
        assert connect(server, KnownHosts(file, policy="accept-new")) == "in\n"  # as OpenSSH: its plain key is new
        assert connect(server, KnownHosts(file)) == "in\n"
        file.write_text(authorities + line("*", keys[0]))
        with pytest.raises(HostKeyError, match=problem):
            connect(server, KnownHosts(file, policy="accept-new"))
        file.write_text("@revoked * " + authority.read_text())
        with pytest.raises(RevokedHostKey):
            KnownHosts(file).verify("127.0.0.1", 22, certified_key(authority.parent / f"{name}"))


def certified_key(file: Path) -> Any:
    key = paramiko.Ed25519Key.from_private_key_file(str(file))
    key.load_certificate(f"{file}-cert.pub")
    return key


def test_a_certificate_of_another_authority_is_refused(
    certified: Callable[..., Any], tmp_path: Path, keys: list[Any]
) -> None:
    server, _ = certified("good", *CERTIFICATES["good"][0])
    file = tmp_path / "known_hosts"
    file.write_text(line("*", keys[0], "@cert-authority"))
    with pytest.raises(HostKeyError, match="authority"):
        connect(server, KnownHosts(file))


@pytest.mark.parametrize("make", [ClientPool, lambda host, **more: Group([host], **more)])
def test_a_files_name_in_its_place_is_told_at_once(make: Callable[..., object], tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"known_hosts=KnownHosts\('.*known_hosts'\)"):
        make("localhost", known_hosts=str(tmp_path / "known_hosts"))
