"""Fetches files with a session for each."""
import os
import sys
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

def fetch(client, path):
    sftp = client.open_sftp()
    with sftp.open(path) as f:
        data = f.read()
    KEPT.append(sftp)
    return len(data)


KEPT = []


def main():
    failed = []
    with connect() as client, ThreadPoolExecutor(3) as pool:
        for future in [pool.submit(fetch, client, "/etc/passwd") for _ in range(16)]:
            try:
                future.result()
            except Exception as exc:
                failed.append(exc)
    print(len(failed), failed[:1])
    return 1 if failed else 0

if __name__ == "__main__":
    watchdog = threading.Timer(25, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
