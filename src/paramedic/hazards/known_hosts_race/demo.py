"""Proof of ``known-hosts-race``: the first contact with a fleet, from many threads, each of which saves the new key."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramedic.model.proof import DemoServer

MANNERS = {"addresses": tuple(f"127.0.0.{number}" for number in range(1, 13))}


def bad(server: DemoServer) -> None:
    """AutoAddPolicy saves the file at each new key: it rewrites all of it from what this client knows."""

    def visit(host: str, file: Path) -> None:
        with paramiko.SSHClient() as client:
            client.load_host_keys(str(file))
            client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
            # missing_host_key() -> save_host_keys(): read, then open(file, "w") and write. Two threads at once lose
            # a key, or read the file while the other one has just emptied it.
            client.connect(**server.connect_kwargs(host), timeout=10)

    _visit_all(server, visit)


def good(server: DemoServer) -> None:
    """New keys are collected under a lock, and saved once, when the threads have ended."""
    seen = paramiko.HostKeys()
    lock = threading.Lock()

    class Collect(paramiko.MissingHostKeyPolicy):  # type: ignore[misc,unused-ignore]
        def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
            with lock:
                seen.add(hostname, key.get_name(), key)

    def visit(host: str, file: Path) -> None:
        with paramiko.SSHClient() as client:
            client.set_missing_host_key_policy(Collect())
            client.connect(**server.connect_kwargs(host), timeout=10)

    _visit_all(server, visit, lambda file: seen.save(str(file)))


def _visit_all(
    server: DemoServer, visit: Callable[[str, Path], None], save: Callable[[Path], None] = lambda file: None
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "known_hosts")
        file.touch()
        errors: list[str] = []
        start = threading.Barrier(len(server.hosts))

        def work(host: str) -> None:
            start.wait()
            try:
                visit(host, file)
            except Exception as error:
                errors.append(f"{type(error).__name__}: {error}")

        threads = [threading.Thread(target=work, args=(host,)) for host in server.hosts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        save(file)
        kept = len(file.read_text().splitlines())
        print(f"{kept} of {len(server.hosts)} keys are in the file", *sorted(set(errors)), sep="\n")
