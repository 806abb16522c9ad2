"""Workers take job lines from one remote stream, each the next one, under a lock."""
import os
import sys
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]


def dial(address=HOST):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(address, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client


class Lines:
    """An iterator for several threads."""

    def __init__(self, source):
        self._source = iter(source)
        self._mutex = threading.Lock()

    def __iter__(self):
        return self

    def __next__(self):
        with self._mutex:
            return next(self._source)


def main():
    client = dial()
    _, out, _ = client.exec_command("seq 1 3000", timeout=20)
    lines = Lines(out)
    taken = [list() for _ in range(3)]
    workers = [threading.Thread(target=lambda t=t: t.extend(int(line) for line in lines)) for t in taken]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    client.close()
    return 0 if sorted(sum(taken, start=[])) == list(range(1, 3001)) else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
