"""Fetch reports with a transport of our own, a thread for each report."""
import os
import sys
import tempfile
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]


def session(known):
    transport = paramiko.Transport((HOST, PORT))
    transport.connect(username=USER, pkey=paramiko.Ed25519Key.from_private_key_file(KEY))
    return transport


def fetch(known, path, sizes):
    transport = session(known)
    try:
        with paramiko.SFTPClient.from_transport(transport) as sftp:
            sizes[path] = sftp.stat(path).st_size
    finally:
        transport.close()


def main():
    known, sizes = None, {}
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, n) for n in ("a", "b")]
        for path in paths:
            with open(path, "w") as report:
                report.write("report")
        threads = [threading.Thread(target=fetch, args=(known, path, sizes)) for path in paths]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    return 0 if set(sizes.values()) == {6} and len(sizes) == 2 else 1


if __name__ == "__main__":
    guard = threading.Timer(9, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
