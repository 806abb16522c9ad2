"""A pool with a context manager that forgets a way out."""
import os
import sys
import threading
import contextlib
import queue
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

class Pool:
    def __init__(self, size):
        self.clients = queue.SimpleQueue()
        self.all = [connect() for _ in range(size)]
        for c in self.all:
            self.clients.put(c)

    @contextlib.contextmanager
    def client(self):
        client = self.clients.get()
        try:
            yield client
        finally:
            self.clients.put(client)


def exists(pool, path):
    with pool.client() as client:
        with client.open_sftp() as sftp:
            try:
                sftp.stat(path)
            except FileNotFoundError:
                return False
            return True


def size(pool, path):
    with pool.client() as client, client.open_sftp() as sftp:
        return sftp.stat(path).st_size


def main():
    pool = Pool(2)
    answers = []
    with ThreadPoolExecutor(3) as crew:
        jobs = [crew.submit(size, pool, p) for p in ("/etc/passwd", "/nope", "/nada", "/etc/group")]
        jobs.append(crew.submit(exists, pool, "/nope"))
        for job in jobs:
            try:
                answers.append(job.result())
            except FileNotFoundError:
                answers.append(None)
    for c in pool.all:
        c.close()
    print(answers)
    return 0

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
