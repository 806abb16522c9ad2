"""Push a file to several folders of a machine; the pool does the work and the program says that it is done."""
import io
import os
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]

def connect():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, port=PORT, username=USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client

def push(client, path):
    sftp = client.open_sftp()
    try:
        sftp.putfo(io.BytesIO(b"version 2\n"), path)
    finally:
        sftp.close()


def main():
    client = connect()
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name, "version") for name in ("a", "b", "c")]
        os.mkdir(os.path.join(folder, "a"))
        with ThreadPoolExecutor(3) as pool:
            results = pool.map(lambda path: push(client, path), paths)
        try:
            print("pushed to", len(list(results)), "folders")
        except OSError as exc:
            print("a push failed:", exc)
            client.close()
            return 0
        there = sum(os.path.exists(p) for p in paths)
    client.close()
    return 0 if there == len(paths) else 1


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
