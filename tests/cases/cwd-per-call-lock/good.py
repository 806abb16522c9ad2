"""Puts the files of several customers each into the customer's folder; every SFTP call is under a lock."""
import os
import shutil
import sys
import tempfile
import threading
from pathlib import Path

import paramiko


class SafeSFTP:
    """Wraps an SFTPClient so that one call runs at a time."""

    def __init__(self, sftp):
        self._sftp = sftp
        self._lock = threading.RLock()

    def __getattr__(self, name):
        method = getattr(self._sftp, name)

        def locked(*args, **kwargs):
            with self._lock:
                return method(*args, **kwargs)
        return locked


def deliver(sftp, root, customer, local):
    for n in range(15):
        sftp.put(local, "%s/%s/%s-%d.txt" % (root, customer, customer, n))


def main():
    root = tempfile.mkdtemp()
    customers = ["ann", "bob", "cyd"]
    for customer in customers:
        os.mkdir(os.path.join(root, customer))
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"],
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    sftp = SafeSFTP(client.open_sftp())
    threads = [threading.Thread(target=deliver, args=(sftp, root, c, __file__), name=c) for c in customers]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    client.close()
    astray = [p.name for c in customers for p in Path(root, c).iterdir() if not p.name.startswith(c)]
    missing = [c for c in customers if len(list(Path(root, c).glob(c + "*"))) != 15]
    shutil.rmtree(root)
    print(len(astray), "files astray, incomplete:", missing)
    return 1 if astray or missing else 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
