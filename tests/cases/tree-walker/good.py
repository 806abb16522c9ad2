"""Sizes of all folders below a remote root, walked by a pool of threads."""
import os
import shutil
import stat
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

from remote_locked import Remote


def size_of(remote, folder):
    """Bytes of the plain files in one folder, and its sub-folders."""
    total, folders = 0, []
    for entry in remote.entries(folder):
        if stat.S_ISDIR(entry.st_mode):
            folders.append(folder + "/" + entry.filename)
        else:
            total += remote.size(folder + "/" + entry.filename)
    return total, folders


def main():
    root = Path(tempfile.mkdtemp())
    for n in range(8):
        (root / ("d%d" % n)).mkdir()
        for m in range(25):
            (root / ("d%d" % n) / ("f%d" % m)).write_bytes(b"x" * (n + 1))
    remote = Remote()
    total = 0
    with ThreadPoolExecutor(4, thread_name_prefix="walker") as pool:
        todo = {pool.submit(size_of, remote, str(root))}
        while todo:
            done, todo = wait(todo, return_when="FIRST_COMPLETED")
            for future in done:
                size, folders = future.result()
                total += size
                todo |= {pool.submit(size_of, remote, folder) for folder in folders}
    remote.close()
    shutil.rmtree(root)
    print("total", total)
    return 0 if total == 25 * 36 else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    try:
        status = main()
    except Exception as error:
        print(type(error).__name__, error, flush=True)
        os._exit(1)
    sys.exit(status)
