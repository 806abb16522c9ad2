"""Read the headers of big image files and sort them by kind."""
import contextlib
import os
import sys
import tempfile
import threading

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

class Catalogue:
    def __init__(self, sftp):
        self.sftp = sftp
        self.kinds = {}

    def header(self, path):
        with self.sftp.open(path, "rb") as image:
            return image.read(512)

    def add(self, path):
        self.kinds[path] = self.header(path)[:4]


def main():
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(connect()) as client:
        paths = []
        for n in range(3):
            path = os.path.join(folder, f"image-{n}.raw")
            with open(path, "wb") as image:
                image.write(b"RAW%d" % n)
                image.truncate(3 << 30)
            paths.append(path)
        catalogue = Catalogue(client.open_sftp())
        for path in paths:
            catalogue.add(path)
        print(catalogue.kinds)
    return 0


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
