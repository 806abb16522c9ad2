'''A pool of connections in a queue; each worker borrows one.'''
import os
import queue
import sys
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]


class Pool:
    def __init__(self, size):
        self.free = queue.LifoQueue()
        for _ in range(size):
            client = paramiko.SSHClient()
            client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
            client.connect(HOST, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False, timeout=10)
            self.free.put(client)
        self.size = size

    def close(self):
        while not self.free.empty():
            self.free.get_nowait().close()


def ask(pool, command, results):
    client = pool.free.get(timeout=10)
    try:
        results[command] = client.exec_command(command, timeout=10)[1].read()
    finally:
        pool.free.put(client)


def main():
    pool = Pool(3)
    results = {}
    commands = ["echo one", "echo two", "echo three"]
    threads = [threading.Thread(target=ask, args=(pool, command, results)) for command in commands]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    free = pool.free.qsize()
    pool.close()
    return 0 if free == pool.size else 1


if __name__ == "__main__":
    guard = threading.Timer(18, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
