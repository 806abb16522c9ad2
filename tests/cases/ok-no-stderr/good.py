"""Fetch big listings; errors are thrown away over there."""
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

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


def listing(client, size):
    command = f"(seq 1 {size}; seq 1 400000 >&2) 2>/dev/null"
    stdin, stdout, _ = client.exec_command(command, timeout=30)
    stdin.close()
    data = stdout.read()
    return data.count(b"\n"), stdout.channel.recv_exit_status()


def main():
    with dial() as client, ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda size: listing(client, size), (100, 1000, 500_000)))
    print(found)
    return 0 if found == [(100, 0), (1000, 0), (500_000, 0)] else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
