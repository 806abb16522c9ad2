"""A locked SFTP client for everybody."""
import os
import sys
import threading

import paramiko


def dial():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], timeout=10,
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    return client



class Locked:
    def __init__(self, target):
        self._target, self._lock = target, threading.RLock()

    def __getattr__(self, name):
        attribute = getattr(self._target, name)
        if not callable(attribute):
            return attribute

        def call(*args, **kwargs):
            self._lock.acquire()
            try:
                return attribute(*args, **kwargs)
            finally:
                self._lock.release()
        return call


def lookup(sftp, path, sizes):
    for _ in range(10):
        sizes.append(sftp.stat(path).st_size)
        sftp.listdir(os.path.dirname(path))


def main():
    client = dial()
    sftp, sizes = Locked(client.open_sftp()), []
    threads = [threading.Thread(target=lookup, args=(sftp, p, sizes)) for p in ("/etc/passwd", "/etc/group", "/etc/hostname")]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    sftp.close()
    client.close()
    return 0 if len(sizes) == 30 else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
