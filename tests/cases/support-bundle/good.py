"""Collect support bundles from several machines."""
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]

class Result(NamedTuple):
    status: int
    text: str


def connect():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, port=PORT, username=USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client

def run(client, command):
    stdin, stdout, stderr = client.exec_command(command)
    stdin.close()
    text = stdout.read().decode()
    return Result(stdout.channel.recv_exit_status(), text)


def bundle(megabytes):
    client = connect()
    try:
        return run(client, f"head -c {megabytes}000000 /dev/zero | tr '\\0' x")
    finally:
        client.close()


def main():
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(bundle, [1, 2, 4]))
    for result in results:
        print(result.status, len(result.text))
    return 0


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
