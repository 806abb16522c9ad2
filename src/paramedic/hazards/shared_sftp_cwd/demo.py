"""Proof of ``shared-sftp-cwd``: two jobs change the directory of one SFTPClient, and a lock makes each call whole."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramedic.model.proof import DemoServer

    Put = Callable[[paramiko.SFTPClient, threading.Lock, str, str], None]

MANNERS: dict[str, object] = {}
FILES = 30
JOBS = ("invoices", "letters")


def bad(server: DemoServer) -> None:
    """Files end up in the other job's folder."""

    def put(sftp: paramiko.SFTPClient, lock: threading.Lock, folder: str, name: str) -> None:
        with lock:
            sftp.chdir(f"{server.home}/{folder}")
        # The other job changes the directory here: it is the client's, not the thread's.
        with lock, sftp.open(name, "w") as file:
            file.write(folder)

    _run(server, put)


def good(server: DemoServer) -> None:
    """Absolute paths, and no chdir: nothing is left between the calls."""

    def put(sftp: paramiko.SFTPClient, lock: threading.Lock, folder: str, name: str) -> None:
        with lock, sftp.open(f"{server.home}/{folder}/{name}", "w") as file:
            file.write(folder)

    _run(server, put)


def _run(server: DemoServer, put: Put) -> None:
    lock = threading.Lock()
    start = threading.Barrier(len(JOBS))
    with _connect(server) as client, client.open_sftp() as sftp:
        for folder in JOBS:
            _remake(sftp, folder)

        def work(folder: str) -> None:
            start.wait()
            for number in range(FILES):
                put(sftp, lock, folder, f"{folder}-{number}")

        threads = [threading.Thread(target=work, args=(folder,), name=folder) for folder in JOBS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for folder in JOBS:
            names = sftp.listdir(f"{server.home}/{folder}")
            astray = sum(not name.startswith(folder) for name in names)
            print(f"{folder}: {astray} of {len(names)} files belong elsewhere")


def _remake(sftp: paramiko.SFTPClient, folder: str) -> None:
    if folder in sftp.listdir("."):
        for name in sftp.listdir(folder):
            sftp.remove(f"{folder}/{name}")
    else:
        sftp.mkdir(folder)


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
