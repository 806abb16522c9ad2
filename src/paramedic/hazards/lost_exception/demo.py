"""Proof of ``lost-exception``: jobs are handed to a pool, and nobody asks how they went."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS: dict[str, object] = {}
FILES = ("a.txt", "b.txt", "no-such-folder/c.txt", "d.txt")


def upload(client: paramiko.SSHClient, folder: Path, name: str) -> None:
    with client.open_sftp() as sftp, sftp.open(f"{folder}/{name}", "w") as file:
        file.write("content")


def bad(server: DemoServer) -> None:
    """The pool's futures keep the exceptions, and are thrown away."""
    folder = _folder(server, "bad")
    with _connect(server) as client, ThreadPoolExecutor(2) as pool:
        for name in FILES:
            pool.submit(upload, client, folder, name)  # the future that is not kept holds what went wrong
    print(f"all uploaded; really there: {len(list(folder.rglob('*.txt')))} of {len(FILES)}")


def good(server: DemoServer) -> None:
    """Each future is asked for its result, which raises what was raised there."""
    folder = _folder(server, "good")
    failed = 0
    with _connect(server) as client, ThreadPoolExecutor(2) as pool:
        futures: dict[str, Future[None]] = {name: pool.submit(upload, client, folder, name) for name in FILES}
        for name, future in futures.items():
            try:
                future.result(timeout=20)
            except OSError as error:
                failed += 1
                print(f"{name}: {error}")
    print(f"{failed} failed; really there: {len(list(folder.rglob('*.txt')))} of {len(FILES)}")


def _folder(server: DemoServer, name: str) -> Path:
    folder = Path(server.home, name)
    folder.mkdir(exist_ok=True)
    return folder


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
