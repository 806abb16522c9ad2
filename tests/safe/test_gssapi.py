"""A login by Kerberos ticket, against a KDC of this test's own on loopback.

Needs a Paramiko that has GSSAPI (before 4), the ``gssapi`` package and MIT's KDC (Debian: ``apt-get install krb5-kdc
krb5-admin-server krb5-user libkrb5-dev``, then ``pip install gssapi 'paramiko<4'``); it is skipped where they are not.
"""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openssh import running_sshd
from paramedic.lab import Server
from paramedic.safe import AuthFailed, ClientPool, Credentials, KnownHosts, Limits
from paramedic.safe.authentication import _has_gssapi

REALM = "PARAMEDIC.TEST"
PLACES = "/usr/sbin:/usr/local/sbin:/usr/lib/mit/sbin"
NAMES = ("krb5kdc", "kdb5_util", "kadmin.local", "kinit")
TOOLS = {name: shutil.which(name) or shutil.which(name, path=PLACES) for name in NAMES}
pytestmark = [
    pytest.mark.skipif(not _has_gssapi(), reason="this Paramiko has no GSSAPI, or there is no gssapi or pyasn1"),
    pytest.mark.skipif(None in TOOLS.values(), reason="MIT's KDC is not installed (Debian: krb5-kdc, krb5-user)"),
]


def tool(name: str, *words: str) -> None:
    subprocess.run([str(TOOLS[name]), *words], check=True, timeout=60, capture_output=True)


@pytest.fixture
def kdc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A realm with one user and one host, whose tickets all that this process starts can use."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "krb5.conf").write_text(
        f"[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n"
        " dns_canonicalize_hostname = false\n rdns = false\n"
        f"[realms]\n {REALM} = {{\n  kdc = 127.0.0.1:{port}\n }}\n[domain_realm]\n localhost = {REALM}\n"
    )
    (tmp_path / "kdc.conf").write_text(
        f"[realms]\n {REALM} = {{\n  database_name = {tmp_path}/principal\n  key_stash_file = {tmp_path}/stash\n"
        f"  kdc_listen = 127.0.0.1:{port}\n  kdc_tcp_listen = 127.0.0.1:{port}\n }}\n"
    )
    monkeypatch.setenv("KRB5_CONFIG", str(tmp_path / "krb5.conf"))
    monkeypatch.setenv("KRB5_KDC_PROFILE", str(tmp_path / "kdc.conf"))
    monkeypatch.setenv("KRB5_KTNAME", str(tmp_path / "host.keytab"))
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path}/tickets")
    tool("kdb5_util", "create", "-s", "-P", "secret", "-r", REALM)
    tool("kadmin.local", "-q", f"addprinc -randkey {getpass.getuser()}")
    tool("kadmin.local", "-q", "addprinc -randkey host/localhost")
    tool("kadmin.local", "-q", f"ktadd -k {tmp_path}/host.keytab host/localhost")
    tool("kadmin.local", "-q", f"ktadd -k {tmp_path}/user.keytab {getpass.getuser()}")
    server = subprocess.Popen([str(TOOLS["krb5kdc"]), "-n", "-P", str(tmp_path / "pid")])
    try:
        ends = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 5).close()
                break
            except OSError:
                if time.monotonic() > ends:
                    raise
                time.sleep(0.05)
        yield tmp_path
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture
def server(kdc: Path) -> Iterator[Server]:
    folder = kdc / "sshd"
    folder.mkdir()
    options = ("GSSAPIAuthentication yes", "GSSAPIStrictAcceptorCheck no", f"SetEnv HOME={kdc}")
    with running_sshd(folder, *options) as server:
        yield server


def pool_of(server: Server, *, key: bool = False, **more: Any) -> ClientPool:
    known = Path(server.known_hosts_file)
    known.write_text(known.read_text().replace("127.0.0.1", "localhost"))
    files = (server.key_file,) if key else ()
    credentials = Credentials(gss=True, allow_agent=False, look_for_keys=False, key_filenames=files)
    return ClientPool("localhost", port=server.port, credentials=credentials, known_hosts=KnownHosts(known), **more)


def get_ticket(kdc: Path) -> None:
    tool("kinit", "-k", "-t", str(kdc / "user.keytab"), getpass.getuser())


def test_a_ticket_logs_in(kdc: Path, server: Server) -> None:
    get_ticket(kdc)
    with pool_of(server) as pool:
        assert [result.text for result in pool.map([f"echo {n}" for n in range(30)])] == [f"{n}\n" for n in range(30)]


def test_without_a_ticket_the_error_says_so(server: Server) -> None:
    with (
        pool_of(server) as pool,
        pytest.raises(AuthFailed, match="tried gssapi-with-mic: no Kerberos ticket") as failure,
    ):
        pool.run("true")
    assert (failure.value.host, failure.value.phase) == ("localhost", "auth")


def test_without_a_ticket_a_key_logs_in(server: Server) -> None:
    with pool_of(server, key=True) as pool:
        assert pool.run("true").ok


def test_a_ticket_that_the_server_does_not_accept_is_told(kdc: Path, server: Server) -> None:
    get_ticket(kdc)
    tool("kadmin.local", "-q", "change_password -randkey host/localhost")  # sshd's keytab has the old one
    with (
        pool_of(server, limits=Limits(auth=3)) as pool,
        pytest.raises(AuthFailed, match="does not accept the Kerberos"),
    ):
        pool.run("true")
