"""Counts lines in several processes."""
import os
import sys
import threading
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

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

class Counter:
    def __init__(self, client):
        self.client = client

    def count(self, path):
        self.client = connect()
        stdin, out, _ = self.client.exec_command(f"wc -l < {path}", timeout=4)
        n = int(out.read())
        out.channel.close()
        self.client.close()
        return n


COUNTER = None


def count(path):
    return COUNTER.count(path)


def main():
    global COUNTER
    COUNTER = Counter(None)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
        futures = [pool.submit(count, p) for p in ("/etc/passwd", "/etc/group")]
        wrong = 0
        for f in futures:
            try:
                print(f.result(8))
            except Exception as exc:
                wrong += 1
                print(repr(exc))
    return 1 if wrong else 0

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
