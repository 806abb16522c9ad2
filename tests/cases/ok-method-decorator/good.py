"""A shared file box whose methods are serialised by a decorator."""
import functools
import os
import pathlib
import sys
import tempfile
import threading
from multiprocessing.pool import ThreadPool

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]


def dial(address=HOST):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(address, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client


def serialised(method):
    @functools.wraps(method)
    def inner(self, *args, **kwargs):
        with self._turn:
            return method(self, *args, **kwargs)

    return inner


class Box:
    def __init__(self, sftp, root):
        self._turn = threading.RLock()
        self._sftp = sftp
        self._root = root

    @serialised
    def save(self, name, text):
        with self._sftp.open(f"{self._root}/{name}", "w") as handle:
            handle.write(text)

    @serialised
    def load(self, name):
        with self._sftp.open(f"{self._root}/{name}") as handle:
            return handle.read().decode()

    @serialised
    def copy(self, name, other):
        self.save(other, self.load(name))


def main():
    with tempfile.TemporaryDirectory() as root, dial() as client, client.open_sftp() as sftp:
        box = Box(sftp, root)

        def work(n):
            box.save(f"a{n}", f"text {n}")
            box.copy(f"a{n}", f"b{n}")
            return box.load(f"b{n}") == f"text {n}"

        with ThreadPool(4) as pool:
            right = pool.map(work, range(40), chunksize=1)
        there = len(list(pathlib.Path(root).iterdir()))
    print(sum(right), there)
    return 0 if all(right) and there == 80 else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
