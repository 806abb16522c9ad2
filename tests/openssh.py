"""A real OpenSSH server on loopback for tests, in the same shape as the lab's `Server`.

Debian's package is openssh-server. Where sshd is not installed, `running_sshd` skips the test and says so.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from paramedic.lab import Server

START_LIMIT_S = 60.0
PORTS_TRIED = 5

# Quoted, because a folder's name may hold a space
CONFIGURATION = """\
Port {port}
{listen}
HostKey "{folder}/host_key"
PidFile none
AuthorizedKeysFile "{folder}/client_key.pub"
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
UseDNS no
LogLevel VERBOSE
AllowTcpForwarding yes
Subsystem sftp internal-sftp
"""


def find_sshd() -> str | None:
    """The path of the installed sshd; it has to be absolute, because sshd starts itself again."""
    return shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin")


@contextlib.contextmanager
def running_sshd(folder: Path, *options: str, addresses: tuple[str, ...] = ("127.0.0.1",)) -> Iterator[Server]:
    """Run sshd for the length of a ``with`` block; skips the test where it is not installed.

    Args:
        folder: an empty folder for keys, log and home; the caller clears it away.
        options: further lines of sshd_config, such as ``"MaxSessions 3"``. The first of two equal keywords counts.
        addresses: loopback addresses to listen on.
    """
    sshd = find_sshd()
    keygen = shutil.which("ssh-keygen")
    if sshd is None or keygen is None:
        pytest.skip("OpenSSH's server is not installed (Debian: apt-get install openssh-server)")
    for name in ("host_key", "client_key"):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True, timeout=20)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(parents=True, exist_ok=True)  # the privilege separation folder of Debian's sshd
    log_file = folder / "sshd.log"
    process, port = _started(sshd, folder, options, addresses, log_file)
    public = " ".join((folder / "host_key.pub").read_text().split()[:2])
    known_hosts = folder / "known_hosts"
    known_hosts.write_text("".join(f"[{address}]:{port} {public}\n" for address in addresses))
    try:
        yield Server(
            host=addresses[0],
            hosts=addresses,
            port=port,
            user=getpass.getuser(),
            key_file=str(folder / "client_key"),
            known_hosts_file=str(known_hosts),
            home=os.path.expanduser("~"),
            log_file=str(log_file),
            answer="",
            pid=process.pid,
        )
    finally:
        process.terminate()
        process.wait(60)


def _started(
    sshd: str, folder: Path, options: tuple[str, ...], addresses: tuple[str, ...], log_file: Path
) -> tuple[subprocess.Popen[bytes], int]:
    """sshd takes no port 0, so that somebody else may have the port between our choice and its start."""
    listen = "\n".join(f"ListenAddress {address}" for address in addresses)
    configuration = folder / "sshd_config"
    for _ in range(PORTS_TRIED):
        port = _free_port()
        text = CONFIGURATION.format(port=port, listen=listen, folder=folder)
        configuration.write_text("\n".join(options) + "\n" + text)
        process = subprocess.Popen([sshd, "-D", "-f", str(configuration), "-E", str(log_file)], cwd=folder)
        if _listens(addresses, port, process):
            return process, port
        process.kill()
        process.wait(60)
        said = log_file.read_text(errors="replace") if log_file.exists() else "no log"
        if "Address already in use" not in said:
            break
        log_file.unlink()
    pytest.fail(f"sshd did not start: {said}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(addresses: tuple[str, ...], port: int, process: subprocess.Popen[bytes]) -> bool:
    """On all of them: sshd goes on where only some are taken by others."""
    left = list(addresses)
    deadline_s = time.monotonic() + START_LIMIT_S
    while left and time.monotonic() < deadline_s and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((left[-1], port), 1):
            left.pop()
            continue
        time.sleep(0.02)
    return not left and process.poll() is None
