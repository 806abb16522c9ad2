"""Proof of ``known-hosts-load``: each worker's client loads a big known_hosts file."""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramedic.model.proof import DemoServer

MANNERS: dict[str, object] = {}
ENTRIES = 1200
WORKERS = 4


def bad(server: DemoServer) -> None:
    """HostKeys.load() compares each new entry with all before it: seconds of CPU, and each client pays them."""

    def prepare(file: Path) -> Callable[[], paramiko.SSHClient]:
        def make() -> paramiko.SSHClient:
            client = paramiko.SSHClient()
            client.load_host_keys(str(file))
            return client

        return make

    _connect_all(server, prepare)


def good(server: DemoServer) -> None:
    """The program loads its file once; the clients look up in it, and nobody changes it."""

    def prepare(file: Path) -> Callable[[], paramiko.SSHClient]:
        known = paramiko.HostKeys(str(file))

        class Known(paramiko.MissingHostKeyPolicy):  # type: ignore[misc,unused-ignore]
            def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
                if not known.check(hostname, key):
                    raise paramiko.SSHException(f"the key of {hostname} is not known")

        def make() -> paramiko.SSHClient:
            client = paramiko.SSHClient()
            client.set_missing_host_key_policy(Known())
            return client

        return make

    _connect_all(server, prepare)


def _connect_all(server: DemoServer, prepare: Callable[[Path], Callable[[], paramiko.SSHClient]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "known_hosts")
        real = Path(server.known_hosts_file).read_text()
        key = real.split(maxsplit=1)[1].strip()
        fleet = "".join(f"10.1.{number // 250}.{number % 250} {key}\n" for number in range(ENTRIES))
        file.write_text(fleet + real)
        make = prepare(file)
        cpu_s: list[float] = []

        def work() -> None:
            with make() as client:
                client.connect(**server.connect_kwargs(), timeout=30, banner_timeout=60, auth_timeout=60)
                cpu_s.append(time.thread_time())

        threads = [threading.Thread(target=work) for _ in range(WORKERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    slow = sum(seconds > 0.1 for seconds in cpu_s)
    print(f"{slow} of {len(cpu_s)} workers spent over 0.1 s of CPU to connect")
