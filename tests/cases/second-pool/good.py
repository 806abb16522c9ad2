"""Outer tasks wait for inner ones of another pool."""
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed

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

def size(client, path):
    with client.open_sftp() as sftp:
        return sftp.stat(path).st_size


def folder(client, inner, path):
    stdin, out, _ = client.exec_command(f"ls -d {path}/* | head -3", timeout=20)
    names = out.read().decode().split()
    out.channel.close()
    return sum(inner.map(lambda name: size(client, name), names))


def main():
    with connect() as client, ThreadPoolExecutor(2) as inner, ThreadPoolExecutor(2) as outer:
        waiting = [outer.submit(folder, client, inner, p) for p in ("/etc", "/usr", "/var", "/opt")]
        for f in as_completed(waiting):
            print(f.result())
    return 0

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
