"""Publish the tenants' sites through one SFTP session, a tenant at a time in each of three threads."""
import io
import os
import pathlib
import posixpath
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed

from paramiko import AutoAddPolicy, SFTPClient, SSHClient

LOGIN = {
    "port": int(os.environ["CASE_PORT"]),
    "username": os.environ["CASE_USER"],
    "key_filename": os.environ["CASE_KEY"],
    "allow_agent": False,
    "look_for_keys": False,
}
HOST = os.environ["CASE_HOST"]
TENANTS = [f"tenant{n}" for n in range(9)]


def open_box(address: str = HOST) -> SSHClient:
    box = SSHClient()
    box.set_missing_host_key_policy(AutoAddPolicy())
    box.connect(address, **LOGIN)
    return box


class Publisher:
    def __init__(self, sftp: SFTPClient, root: str) -> None:
        self._sftp = sftp
        self._root = root
        self._guard = threading.RLock()

    def enter(self, tenant: str) -> None:
        with self._guard:
            self._sftp.chdir(posixpath.join(self._root, tenant))

    def page(self, name: str, text: str) -> None:
        with self._guard:
            self._sftp.putfo(io.BytesIO(text.encode()), name)


def publish(publisher: Publisher, root: str, tenant: str) -> str:
    publisher.enter(tenant)
    for name in ("index.html", "about.html"):
        publisher.page(name, f"{name} of {tenant}")
    return tenant


def main() -> int:
    with tempfile.TemporaryDirectory() as root:
        for tenant in TENANTS:
            pathlib.Path(root, tenant).mkdir()
        with open_box() as box, box.open_sftp() as sftp, ThreadPoolExecutor(3) as pool:
            publisher = Publisher(sftp, root)
            for done in as_completed([pool.submit(publish, publisher, root, t) for t in TENANTS]):
                done.result()
        wrong = []
        for tenant in TENANTS:
            page = pathlib.Path(root, tenant, "index.html")
            if not page.exists() or page.read_text() != f"index.html of {tenant}":
                wrong.append(tenant)
    print("wrong:", wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    guard = threading.Timer(9, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
