"""The parent keeps a connection; spawned workers make their own."""
import multiprocessing
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

def work(number):
    with connect() as client:
        stdin, stdout, _ = client.exec_command(f"echo $(({number} * {number}))", timeout=5)
        answer = int(stdout.read())
        stdout.channel.close()
        return answer


def main():
    with connect() as client, multiprocessing.get_context("spawn").Pool(2) as pool:
        squares = pool.map(work, range(4))
        stdin, stdout, _ = client.exec_command("echo parent", timeout=5)
        parent = stdout.read()
        stdout.channel.close()
    return 0 if squares == [0, 1, 4, 9] and parent == b"parent\n" else 1


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
