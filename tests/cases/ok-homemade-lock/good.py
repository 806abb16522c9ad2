"""The SFTP client itself is the token: take it from the queue, use it, put it back."""
import os
import queue
import sys
import threading
from contextlib import contextmanager

import paramiko


def dial():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], timeout=30,
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    return client


token = queue.Queue(1)


@contextmanager
def borrowed():
    sftp = token.get(timeout=30)
    try:
        yield sftp
    finally:
        token.put(sftp)


def worker(total):
    for _ in range(10):
        with borrowed() as sftp:
            total.append(sftp.stat("/etc/passwd").st_size)


def main():
    client = dial()
    token.put(client.open_sftp())
    total = []
    threads = [threading.Thread(target=worker, args=(total,)) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    client.close()
    return 0 if len(total) == 40 else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
