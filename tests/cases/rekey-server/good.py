"""Fetch files in parallel from a server that renews keys all the time."""
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

def fetch(client, size):
    channel = client.get_transport().open_session(timeout=20)
    channel.settimeout(20)
    channel.exec_command(f"head -c {size} /dev/zero")
    got = 0
    while data := channel.recv(65536):
        got += len(data)
    channel.recv_exit_status()
    return got == size


def main():
    client = connect()
    with ThreadPoolExecutor(3) as pool:
        right = list(pool.map(lambda n: fetch(client, 300_000 + n), range(6)))
    client.close()
    return 0 if all(right) else 1


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
