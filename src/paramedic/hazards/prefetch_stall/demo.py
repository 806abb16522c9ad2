"""Proof of ``prefetch-stall``: look at the header of a big file, which is "read ahead for speed"."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS: dict[str, object] = {}
PATIENCE_S = 3.0
IMAGE_BYTES = 4 << 30  # sparse: it costs no disk
HEADER_BYTES = 512


def bad(server: DemoServer) -> None:
    """Ask for all of it, read the header, and go on: the next call has to wait for gigabytes that nobody wants."""
    client = _connect(server)
    sftp = client.open_sftp()
    _make_image(sftp)

    def look() -> None:
        try:
            image = sftp.open("image", "rb")
            image.prefetch(IMAGE_BYTES)  # 131,072 requests, sent by a thread as fast as it can
            header = image.read(HEADER_BYTES)
            print(f"header: {len(header)} bytes")
            time.sleep(0.5)  # think about it; the requests go out meanwhile
            # The reply to this one comes after those of all requests that are on their way, and they are read here.
            print(f"size: {sftp.stat('image').st_size}")
        except (OSError, EOFError, paramiko.SSHException) as error:
            print(f"look: {type(error).__name__}: {error}")

    worker = threading.Thread(target=look, name="look", daemon=True)
    worker.start()
    worker.join(PATIENCE_S)
    if worker.is_alive():
        print(f"look: still busy after {PATIENCE_S:.0f} s")
    client.close()
    worker.join(PATIENCE_S)


def good(server: DemoServer) -> None:
    """Ask for what is wanted."""
    with _connect(server) as client, client.open_sftp() as sftp:
        _make_image(sftp)
        with sftp.open("image", "rb") as image:
            header = image.read(HEADER_BYTES)
            print(f"header: {len(header)} bytes")
        print(f"size: {sftp.stat('image').st_size}")


def _make_image(sftp: paramiko.SFTPClient) -> None:
    with sftp.open("image", "wb") as image:
        image.truncate(IMAGE_BYTES)


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
