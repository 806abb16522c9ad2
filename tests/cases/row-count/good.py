"""Copy a table out of a database dump and count its rows."""
import os
import sys
import threading

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

def rows(stdout):
    pending = b""
    while data := stdout.channel.recv(65536):
        *whole, pending = (pending + data).split(b"\n")
        yield from whole


def main():
    with connect() as client:
        _, stdout, _ = client.exec_command("seq 1 3000000", timeout=20)
        count = sum(1 for _ in rows(stdout))
    print(count)
    return 0


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
