"""Proof of ``shared-sftp-file``: workers fetch the blocks of one remote file through one open file."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS: dict[str, object] = {}
BLOCK_BYTES = 4096
BLOCKS = 64


class LockedFile:
    """An open remote file, with a lock around each call on it."""

    def __init__(self, file: paramiko.SFTPFile) -> None:
        self.file = file
        self.lock = threading.Lock()

    def block(self, number: int) -> bytes:
        with self.lock:
            self.file.seek(number * BLOCK_BYTES)
        # Here another thread seeks. The position is the file's, not the thread's, and each call is "safe" on its own.
        with self.lock:
            data: bytes = self.file.read(BLOCK_BYTES)
        return data


class WholeFile(LockedFile):
    """The same, with seek and read as one step."""

    def block(self, number: int) -> bytes:
        with self.lock:
            self.file.seek(number * BLOCK_BYTES)
            data: bytes = self.file.read(BLOCK_BYTES)
        return data


def bad(server: DemoServer) -> None:
    """Blocks come back swapped, and nothing says so."""
    _fetch(server, LockedFile)


def good(server: DemoServer) -> None:
    """Every block is the right one."""
    _fetch(server, WholeFile)


def _fetch(server: DemoServer, kind: type[LockedFile]) -> None:
    expected = [bytes([number]) * BLOCK_BYTES for number in range(BLOCKS)]
    with _connect(server) as client, client.open_sftp() as sftp:
        with sftp.open("blocks", "wb") as target:
            target.write(b"".join(expected))
        with sftp.open("blocks", "rb") as source, ThreadPoolExecutor(8, thread_name_prefix="fetch") as pool:
            blocks = list(pool.map(kind(source).block, range(BLOCKS)))
    wrong = sum(block != right for block, right in zip(blocks, expected, strict=True))
    print(f"{wrong} of {BLOCKS} blocks are wrong")


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
