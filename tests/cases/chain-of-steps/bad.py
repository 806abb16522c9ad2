"""A chain of steps per host, each started when the one before has ended."""
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]

STEPS = ["echo stop", "echo unpack", "echo start"]


class Chain:
    def __init__(self, client, pool):
        self.client = client
        self.pool = pool
        self.results = []
        self.over = threading.Event()

    def step(self, number):
        _, stdout, _ = self.client.exec_command(STEPS[number], timeout=10)
        self.results.append(stdout.read().decode().strip())
        return number

    def begin(self):
        self.pool.submit(self.step, 0).add_done_callback(self.after)

    def after(self, future):
        number = future.result() + 1
        if number == len(STEPS):
            self.over.set()
            return
        following = self.pool.submit(self.step, number)
        following.result()
        self.after(following)


def main():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False, timeout=10)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="chain") as pool:
        chain = Chain(client, pool)
        chain.begin()
        chain.over.wait()
    client.close()
    print(chain.results)
    return 0


if __name__ == "__main__":
    guard = threading.Timer(13, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
