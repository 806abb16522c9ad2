"""Downloads a big file in ranges."""
import os
import sys
import threading
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

SIZE = 4 << 20


class Download:
    def __init__(self, client, path, parts=4):
        self.client = client
        self.sftp = client.open_sftp()
        self.path = path
        self.parts = parts
        self.data = [b""] * parts

    def part(self, n):
        step = SIZE // self.parts
        with self.sftp.open(self.path, "rb") as remote:
            remote.seek(n * step)
            data = b""
            while len(data) < step:
                data += remote.read(min(32768, step - len(data)))
            self.data[n] = data

    def run(self):
        threads = [threading.Thread(target=self.part, args=(n,), daemon=True) for n in range(self.parts)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(12)
        return b"".join(self.data)


def main():
    with tempfile.TemporaryDirectory() as folder, connect() as client:
        path = os.path.join(folder, "big")
        content = os.urandom(SIZE)
        with open(path, "wb") as f:
            f.write(content)
        same = Download(client, path).run() == content
        print(same)
        return 0 if same else 1

if __name__ == "__main__":
    watchdog = threading.Timer(45, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
