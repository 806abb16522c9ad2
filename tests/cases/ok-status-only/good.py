"""Make a tree of folders on a machine and check that it is there."""
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


def dial(address=HOST):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(address, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client


def main():
    with tempfile.TemporaryDirectory() as root, dial() as client:

        def make(n):
            _, made, _ = client.exec_command(f"mkdir -p {root}/a{n}/b", timeout=10)
            if made.channel.recv_exit_status():
                return False
            stdin, there, _ = client.exec_command(f"test -d {root}/a{n}/b", timeout=10)
            answer = there.channel.recv_exit_status() == 0
            there.channel.close()
            return answer

        with ThreadPoolExecutor(3) as pool:
            right = list(pool.map(make, range(12)))
    return 0 if all(right) else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
