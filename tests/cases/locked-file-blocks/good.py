"""Random access to a remote image by several threads; the file object is wrapped so that every call is locked."""
import os
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

import paramiko

BLOCK = 4096


class LockedFile:
    """A remote file that threads may share."""

    def __init__(self, handle):
        self._handle = handle
        self._lock = threading.Lock()

    def read_at(self, offset, size):
        with self._lock:
            self._handle.seek(offset)
            return self._handle.read(size)

    def close(self):
        with self._lock:
            self._handle.close()


def block(image, number):
    return number, image.read_at(number * BLOCK, BLOCK)


def main():
    fd, path = tempfile.mkstemp()
    for n in range(200):
        os.write(fd, n.to_bytes(2, "big") * (BLOCK // 2))
    os.close(fd)
    transport = paramiko.Transport((os.environ["CASE_HOST"], int(os.environ["CASE_PORT"])))
    transport.connect(None, os.environ["CASE_USER"], pkey=paramiko.Ed25519Key(filename=os.environ["CASE_KEY"]))
    sftp = paramiko.SFTPClient.from_transport(transport)
    image = LockedFile(sftp.open(path, "rb"))
    wrong = 0
    with ThreadPoolExecutor(4) as pool:
        for number, data in pool.map(lambda n: block(image, n), range(200)):
            wrong += data != number.to_bytes(2, "big") * (BLOCK // 2)
    image.close()
    transport.close()
    os.unlink(path)
    print(wrong, "blocks are wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
