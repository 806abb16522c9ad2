"""Proof of ``shared-sftp-client``: a sync tool looks at remote files with several threads and one SFTPClient."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS: dict[str, object] = {}
PATIENCE_S = 4.0
LIMIT_S = 30.0
WORKERS = 6
FILES = 100


def bad(server: DemoServer) -> None:
    """All workers stat() with one SFTPClient: replies are lost, and workers wait for ever."""
    client = _connect(server)
    sftp = client.open_sftp()
    _upload(sftp)

    def work() -> None:
        try:
            for number in range(FILES):
                # _read_response() takes whatever reply comes next. The reply that another thread waits for is
                # dropped here, and that thread never returns from its own stat().
                sftp.stat(f"file-{number}")
        except (paramiko.SSHException, paramiko.SFTPError, OSError) as error:
            print(f"{threading.current_thread().name}: {type(error).__name__}: {error}")

    _watch([threading.Thread(target=work, name=f"sync-{n}", daemon=True) for n in range(WORKERS)], PATIENCE_S)
    client.close()  # ends the waits of the threads that were left behind, and with an error


def good(server: DemoServer) -> None:
    """The same files, the same connection, and an SFTPClient for each worker."""
    with _connect(server) as client:
        with client.open_sftp() as sftp:
            _upload(sftp)

        def work() -> None:
            with client.open_sftp() as own:  # a channel of its own on the same transport: that is safe
                for number in range(FILES):
                    own.stat(f"file-{number}")

        _watch([threading.Thread(target=work, name=f"sync-{n}", daemon=True) for n in range(WORKERS)], LIMIT_S)


def _watch(threads: list[threading.Thread], limit_s: float) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(limit_s)
        limit_s = limit_s if not thread.is_alive() else 0.1  # when one is stuck, the patience is used up
    stuck = [thread.name for thread in threads if thread.is_alive()]
    print(f"workers that wait for a reply that will not come: {', '.join(stuck) or 'none'}")


def _upload(sftp: paramiko.SFTPClient) -> None:
    for number in range(FILES):
        with sftp.open(f"file-{number}", "w") as file:
            file.write(f"{number}\n")


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
