"""A client that is closed when its last user leaves."""
import os
import sys
import threading
import contextlib
import time

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

class Shared:
    def __init__(self):
        self.lock, self.users, self.client = threading.Lock(), 0, None

    @contextlib.contextmanager
    def use(self):
        with self.lock:
            if not self.users:
                self.client = connect()
            self.users += 1
            client = self.client
        try:
            yield client
        finally:
            with self.lock:
                self.users -= 1
                if not self.users:
                    self.client.close()
                    self.client = None


def job(shared, n):
    for _ in range(3):
        with shared.use() as client:
            stdin, out, err = client.exec_command(f"echo {n}", timeout=30)
            assert int(out.read()) == n
            err.read()
            out.channel.close()
        time.sleep(0.05 * n)


def main():
    shared = Shared()
    crew = [threading.Thread(target=job, args=(shared, n)) for n in range(4)]
    for t in crew:
        t.start()
    for t in crew:
        t.join()
    return 0

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
