"""Put the day's pictures on the server, some at a time."""
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


def put(client, source, target):
    with client.open_sftp() as sftp:
        sftp.put(str(source), str(target))


def main():
    with tempfile.TemporaryDirectory() as near, tempfile.TemporaryDirectory() as far:
        day = pathlib.Path(far, "2024-02-30")
        pictures = []
        for n in range(5):
            pictures.append(pathlib.Path(near, f"picture{n}.jpg"))
            pictures[-1].write_bytes(b"jpg" * 1000)
        with dial() as client:
            pool = ThreadPool(3)
            for picture in pictures:
                pool.apply_async(put, (client, picture, day / picture.name))
            pool.close()
            pool.join()
        print("done")
        there = list(day.iterdir()) if day.exists() else []
        return 0 if len(there) == len(pictures) else 1


if __name__ == "__main__":
    guard = threading.Timer(9, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
