"""Download files with prefetch, a client for each thread; compare the sums."""
import hashlib
import os
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

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

def download(client, path):
    with client.open_sftp() as sftp:
        sftp.get_channel().settimeout(10)
        with sftp.open(path, "rb") as remote:
            remote.prefetch(os.path.getsize(path), max_concurrent_requests=64)
            digest = hashlib.sha256()
            while block := remote.read(32768):
                digest.update(block)
    return digest.hexdigest()


def main():
    with tempfile.TemporaryDirectory() as folder, connect() as client:
        paths = []
        for n in range(4):
            paths.append(os.path.join(folder, f"part-{n}"))
            with open(paths[-1], "wb") as f:
                f.write(os.urandom(2_000_000))
        with ThreadPoolExecutor(4) as pool:
            sums = list(pool.map(lambda p: download(client, p), paths))
        right = sum(hashlib.sha256(open(p, "rb").read()).hexdigest() == s for p, s in zip(paths, sums))
    return 0 if right == 4 else 1


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
