"""Show the last entries of big remote journals."""
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
JOURNALS = 3


def dial(address=HOST):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(address, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client


def last_entry(sftp, path):
    with sftp.open(path, "rb") as journal:
        journal.prefetch()
        journal.seek(-512, os.SEEK_END)
        return journal.read(512).splitlines()[-1]


def main():
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        for n in range(JOURNALS):
            with open(os.path.join(folder, f"journal{n}"), "wb") as journal:
                journal.truncate(4 << 30)
                journal.seek(0, os.SEEK_END)
                journal.write(b"\nentry %d" % n)
        client = stack.enter_context(dial())
        sftp = stack.enter_context(client.open_sftp())
        last = [last_entry(sftp, os.path.join(folder, f"journal{n}")) for n in range(JOURNALS)]
    print(last)
    return 0 if last == [b"entry %d" % n for n in range(JOURNALS)] else 1


if __name__ == "__main__":
    guard = threading.Timer(9, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
