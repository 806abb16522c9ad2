"""A shared shell helper that serialises everything."""
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

class Remote:
    """Runs commands; safe for threads."""

    def __init__(self, client):
        self.client = client
        self.guard = threading.RLock()

    @contextlib.contextmanager
    def exclusive(self):
        self.guard.acquire()
        try:
            yield self.client
        finally:
            self.guard.release()

    def run(self, command):
        with self.exclusive() as client:
            _, out, _ = client.exec_command(command, timeout=30)
            return out.read()


def main():
    with connect() as client:
        remote = Remote(client)
        slow = threading.Thread(target=remote.run, args=("sleep 3; echo slow",))
        slow.start()
        time.sleep(0.7)
        began = time.monotonic()
        remote.run("echo quick")
        took = time.monotonic() - began
        slow.join()
    print(took)
    return 1 if took > 1 else 0

if __name__ == "__main__":
    watchdog = threading.Timer(25, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
