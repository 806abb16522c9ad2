"""Downloads two files side by side, an SFTP session for each."""
import io
import os
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

import paramiko


def dial():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], timeout=10,
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    return client



def download(client, path):
    with client.open_sftp() as sftp:
        buffer = io.BytesIO()
        sftp.getfo(path, buffer)
        with sftp.open(path) as again:
            again.prefetch()
            return buffer.getvalue() == again.read()


def main():
    paths = []
    for n in range(4):
        fd, path = tempfile.mkstemp()
        os.write(fd, bytes([n]) * 600_000)
        os.close(fd)
        paths.append(path)
    client = dial()
    with ThreadPoolExecutor(2) as pool:
        fine = list(pool.map(lambda path: download(client, path), paths))
    client.close()
    for path in paths:
        os.unlink(path)
    return 0 if all(fine) else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
