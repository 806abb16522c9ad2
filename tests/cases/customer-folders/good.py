"""Put each customer's report into the customer's folder, by a few workers that take turns on one SFTP client."""
import io
import os
import queue
import sys
import tempfile
import threading
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

class TurnTaking:
    """One call at a time."""

    def __init__(self, sftp):
        self._sftp = sftp
        self._lock = threading.Lock()

    def __getattr__(self, name):
        method = getattr(self._sftp, name)

        def call(*args, **kwargs):
            with self._lock:
                return method(*args, **kwargs)

        return call


def worker(sftp, jobs):
    for customer in iter(jobs.get, None):
        for name in ("report.txt", "index.txt"):
            sftp.putfo(io.BytesIO(customer.encode()), f"{customer}/{name}", confirm=False)


def main():
    client = connect()
    jobs = queue.Queue()
    with tempfile.TemporaryDirectory() as base:
        customers = [os.path.join(base, f"customer-{n}") for n in range(12)]
        for customer in customers:
            os.mkdir(customer)
            jobs.put(customer)
        sftp = TurnTaking(client.open_sftp())
        crew = [threading.Thread(target=worker, args=(sftp, jobs)) for _ in range(4)]
        for thread in crew:
            jobs.put(None)
            thread.start()
        for thread in crew:
            thread.join()
        wrong = 0
        for customer in customers:
            for name in ("report.txt", "index.txt"):
                path = os.path.join(customer, name)
                if not os.path.exists(path) or open(path).read() != customer:
                    wrong += 1
        print(wrong, "files are missing or another customer's")
    client.close()
    return 1 if wrong else 0


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
