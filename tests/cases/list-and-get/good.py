"""A sync tool: one thread lists, others fetch."""
import os
import sys
import threading
import queue
import tempfile

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

class Sync:
    def __init__(self, client, source, target):
        self.client, self.source, self.target = client, source, target
        self.sftp = client.open_sftp()
        self.todo = queue.Queue()
        self.got = 0
        self.lock = threading.Lock()

    def list(self):
        for entry in self.sftp.listdir_iter(self.source):
            self.todo.put(entry.filename)
            if len(entry.filename) > 200:
                break
        for _ in range(2):
            self.todo.put(None)

    def fetch(self):
        sftp = self.client.open_sftp()
        while (name := self.todo.get()) is not None:
            sftp.get(os.path.join(self.source, name), os.path.join(self.target, name))
            with self.lock:
                self.got += 1


def main():
    with tempfile.TemporaryDirectory() as a, tempfile.TemporaryDirectory() as b, connect() as client:
        for n in range(300):
            with open(os.path.join(a, f"f{n}"), "wb") as f:
                f.write(b"data" * n)
        sync = Sync(client, a, b)
        threads = [threading.Thread(target=sync.fetch, daemon=True) for _ in range(2)]
        threads.append(threading.Thread(target=sync.list, daemon=True))
        for t in threads:
            t.start()
        for t in threads:
            t.join(15)
        print(sync.got)
        return 0 if sync.got == 300 else 1

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
