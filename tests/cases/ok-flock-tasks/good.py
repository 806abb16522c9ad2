"""Tasks of a pool use one SFTP client, one at a time: each holds a lock file, as other scripts of this machine do."""
import fcntl
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


def size(sftp, lock_path, path):
    with open(lock_path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return sftp.stat(path).st_size


def main():
    client = dial()
    sftp = client.open_sftp()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(3) as pool:
        sizes = [pool.submit(size, sftp, folder + "/sync.lock", path) for path in ["/etc/passwd", "/etc/group"] * 4]
        sizes = [future.result() for future in sizes]
    client.close()
    return 0 if len(sizes) == 8 and all(sizes) else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
