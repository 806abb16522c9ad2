"""Downloads with progress; a janitor closes idle sessions."""
import os
import sys
import threading
import tempfile
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

class Session:
    def __init__(self, client):
        self.sftp = client.open_sftp()
        self.used = time.monotonic()
        self.busy = 0
        self.lock = threading.Lock()

    def fetch(self, path, target):
        with self.lock:
            self.used = time.monotonic()
            self.busy += 1
        self.sftp.get(path, target)
        with self.lock:
            self.used = time.monotonic()
            self.busy -= 1

    def close_if_idle(self, limit):
        with self.lock:
            if self.busy:
                return False
            if time.monotonic() - self.used < limit:
                return False
            self.sftp.close()
            return True


def main():
    failed = []
    with tempfile.TemporaryDirectory() as folder, connect() as client:
        big = os.path.join(folder, "big")
        with open(big, "wb") as f:
            f.truncate(200 << 20)
        session = Session(client)
        stop = threading.Event()

        def janitor():
            while not stop.wait(0.05):
                if session.close_if_idle(0.3):
                    return

        keeper = threading.Thread(target=janitor)
        keeper.start()
        try:
            session.fetch(big, os.path.join(folder, "copy"))
        except Exception as exc:
            failed.append(exc)
        stop.set()
        keeper.join()
    print(failed)
    return 1 if failed else 0

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
