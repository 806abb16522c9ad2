"""A crawler with a small home-made pool of connections."""
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

class Pool:
    def __init__(self, size):
        self.free = [connect() for _ in range(size)]
        self.everything = list(self.free)
        self.changed = threading.Condition()

    def borrow(self):
        with self.changed:
            while not self.free:
                self.changed.wait()
            return self.free.pop()

    def give_back(self, client):
        with self.changed:
            self.free.append(client)
            self.changed.notify()

    def close(self):
        for client in self.everything:
            client.close()


def crawl(pool, path):
    client = pool.borrow()
    stdin, stdout, stderr = client.exec_command(f"ls {path}", timeout=5)
    names = stdout.read().split()
    status = stdout.channel.recv_exit_status()
    stdout.channel.close()
    if status:
        raise RuntimeError(f"cannot list {path}")
    pool.give_back(client)
    return names


def main():
    pool = Pool(2)
    paths = ["/missing", "/nowhere", "/", "/etc", "/usr", "/var"]
    failed = 0
    with ThreadPoolExecutor(4) as crew:
        for future in [crew.submit(crawl, pool, path) for path in paths]:
            try:
                print(len(future.result()), "names")
            except RuntimeError as exc:
                failed += 1
                print(exc)
    pool.close()
    return 0 if failed == 2 else 1


if __name__ == "__main__":
    watchdog = threading.Timer(9, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
