"""Keeps the two latest connections open for whoever needs a machine next."""
import os
import sys
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]
KEEP = 2


def dial(address=HOST):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(address, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client


class Cache:
    def __init__(self):
        self.clients = OrderedDict()
        self.mutex = threading.Lock()

    @contextmanager
    def client(self, address):
        with self.mutex:
            client = self.clients.pop(address, None)
        if client is None:
            client = dial(address)
        try:
            yield client
        finally:
            with self.mutex:
                old = self.clients.pop(address, None)
                self.clients[address] = client
                if old is None and len(self.clients) > KEEP:
                    old = self.clients.popitem(last=False)[1]
            if old is not None:
                old.close()

    def close(self):
        for client in self.clients.values():
            client.close()


def main():
    cache = Cache()

    def ask(address):
        with cache.client(address) as client:
            try:
                stdin, out, _ = client.exec_command("sleep 0.5; echo answer", timeout=5)
                answer = out.read().decode().strip() == "answer"
                out.channel.close()
                return answer
            except (paramiko.SSHException, EOFError, OSError, AttributeError) as problem:
                print(address, type(problem).__name__, problem)
                return False

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(ask, [f"127.0.0.{n}" for n in range(1, 6)] * 2))
    cache.close()
    print(answers)
    return 0 if all(answers) else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
