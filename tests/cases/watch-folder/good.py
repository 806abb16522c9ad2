"""Process files as they arrive in a remote inbox: a watcher lists it, main takes them in."""
import os
import pathlib
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
FILES = 40


def dial(address=HOST):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(address, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client


class Watcher(threading.Thread):
    def __init__(self, sftp, inbox, arrived):
        super().__init__(name="watcher", daemon=True)
        self.sftp, self.inbox, self.arrived = sftp, inbox, arrived
        self.seen, self.stopped = set(), threading.Event()

    def run(self):
        while not self.stopped.is_set():
            for entry in self.sftp.listdir_attr(self.inbox):
                if entry.filename not in self.seen:
                    self.seen.add(entry.filename)
                    self.arrived.put(entry.filename)
            self.stopped.wait(0.005)


def deliver(inbox):
    for n in range(FILES):
        part = pathlib.Path(inbox).parent / f"part{n}"
        part.write_text(f"order {n}\n" * 3000)
        part.rename(pathlib.Path(inbox) / f"order{n}")
        time.sleep(0.01)


def main():
    with tempfile.TemporaryDirectory() as folder:
        inbox = os.path.join(folder, "inbox")
        os.mkdir(inbox)
        client = dial()
        sftp = client.open_sftp()
        arrived = queue.Queue()
        watcher = Watcher(client.open_sftp(), inbox, arrived)
        watcher.start()
        courier = threading.Thread(target=deliver, args=(inbox,))
        courier.start()
        taken = 0
        for _ in range(FILES):
            with sftp.open(f"{inbox}/{arrived.get(timeout=20)}") as handle:
                taken += handle.read().count(b"order")
        courier.join()
        watcher.stopped.set()
        watcher.join()
        client.close()
        print("taken", taken)
        return 0 if taken == FILES * 3000 else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
