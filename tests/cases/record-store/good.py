"""A remote file of fixed-size records, as a sequence; a pool scans it."""
import os
import pathlib
import sys
import tempfile
import threading
from collections.abc import Sequence
from multiprocessing.pool import ThreadPool

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]
SIZE = 64


def dial(address=HOST):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(address, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client


class Records(Sequence):
    def __init__(self, handle, count):
        self.handle = handle
        self.count = count
        self.turn = threading.Lock()

    def __len__(self):
        return self.count

    def __getitem__(self, number):
        with self.turn:
            self.handle.seek(number * SIZE)
            return self.handle.read(SIZE)


def main():
    with tempfile.TemporaryDirectory() as folder:
        store = pathlib.Path(folder, "records")
        store.write_bytes(b"".join(b"%-64d" % n for n in range(400)))
        with dial() as client, client.open_sftp() as sftp, sftp.open(str(store)) as handle:
            records = Records(handle, 400)
            with ThreadPool(4) as pool:
                right = pool.imap_unordered(lambda n: records[n] == b"%-64d" % n, range(len(records)))
                try:
                    wrong = sum(not r for r in right)
                except Exception as problem:
                    print(type(problem).__name__, problem)
                    wrong = 1
    print("wrong records:", wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
