"""Upload files by a few threads, with a progress line that another thread shows."""
import os
import pathlib
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]


def dial(address=HOST):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(address, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client


class Progress:
    def __init__(self):
        self.mutex = threading.Lock()
        self.sent = {}
        self.shown = 0
        self.over = threading.Event()

    def of(self, name):
        def callback(sent, total):
            with self.mutex:
                self.sent[name] = (sent, total)

        return callback

    def show(self):
        while not self.over.wait(0.02):
            with self.mutex:
                done = sum(s for s, _ in self.sent.values())
            self.shown = max(self.shown, done)


def main():
    progress = Progress()
    with tempfile.TemporaryDirectory() as near, tempfile.TemporaryDirectory() as far:
        files = [pathlib.Path(near, f"f{n}") for n in range(6)]
        for f in files:
            f.write_bytes(os.urandom(300_000))
        display = threading.Thread(target=progress.show)
        display.start()
        with dial() as client:

            def upload(f):
                with client.open_sftp() as sftp:
                    sftp.put(str(f), os.path.join(far, f.name), callback=progress.of(f.name))

            with ThreadPoolExecutor(3) as pool:
                for each in [pool.submit(upload, f) for f in files]:
                    each.result()
        progress.over.set()
        display.join()
        same = all(pathlib.Path(far, f.name).read_bytes() == f.read_bytes() for f in files)
    return 0 if same and sum(s for s, _ in progress.sent.values()) == 1_800_000 else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
