"""Read many small remote files; each worker of the pool has an SFTP session of its own."""
import os
import pathlib
import sys
import tempfile
import threading
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]
WORKERS = 6

here = threading.local()


def dial(address=HOST):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(address, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client


def open_session(client):
    here.sftp = client.open_sftp()


def read(path):
    with here.sftp.open(path) as handle:
        return handle.read().decode()


def main():
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, f"note{n}") for n in range(200)]
        for path in paths:
            pathlib.Path(path).write_text(path)
        with dial() as client:
            try:
                with ThreadPoolExecutor(WORKERS, initializer=open_session, initargs=(client,)) as pool:
                    right = sum(map(str.__eq__, paths, pool.map(read, paths)))
            except BrokenExecutor as problem:
                print("no workers:", problem)
                return 1
    print(right, "of", len(paths))
    return 0 if right == len(paths) else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
