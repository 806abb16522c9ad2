"""Reads the first bytes of big remote files to tell their type."""
import os
import sys
import tempfile
import threading
import time

import paramiko


class Probe:
    def __init__(self, client):
        self.sftp = client.open_sftp()
        self.files = {}

    def kind(self, path):
        with self.sftp.open(path, "rb") as handle:
            magic = handle.read(16)
        return "gzip" if magic.startswith(b"\x1f\x8b") else "data"

    def size(self, path):
        return self.sftp.stat(path).st_size


def main():
    folder = tempfile.mkdtemp()
    path = os.path.join(folder, "backup.img")
    with open(path, "wb") as f:
        f.truncate(12 << 30)
    client = paramiko.SSHClient()
    try:
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"],
                       key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
        probe = Probe(client)
        print(probe.kind(path), flush=True)
        time.sleep(2.5)  # the kind is looked up in a data base
        print(probe.size(path))
        client.close()
    finally:
        os.unlink(path)
    return 0


def give_up():
    for name in os.listdir(tempfile.gettempdir()):
        big = os.path.join(tempfile.gettempdir(), name, "backup.img")
        if os.path.exists(big):
            os.unlink(big)
    os._exit(3)


if __name__ == "__main__":
    guard = threading.Timer(14, give_up)
    guard.daemon = True
    guard.start()
    sys.exit(main())
