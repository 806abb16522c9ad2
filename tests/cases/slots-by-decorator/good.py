"""Check files on a host, at most three at a time."""
import functools
import os
import queue
import sys
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]

FILES = ["/etc/passwd", "/etc/none-1", "/etc/none-2", "/etc/group", "/etc/none-3", "/etc/hosts", "/etc/fstab", "/etc/profile"]
slots = threading.Semaphore(3)


def limited(function):
    @functools.wraps(function)
    def call(*args):
        slots.acquire()
        try:
            return function(*args)
        finally:
            slots.release()

    return call


@limited
def size(client, path):
    _, stdout, _ = client.exec_command("stat -c %s " + path, timeout=10)
    return int(stdout.read())


def main():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False, timeout=10)
    sizes = {}

    def check(path):
        try:
            sizes[path] = size(client, path)
        except ValueError:
            sizes[path] = None

    checkers = [threading.Thread(target=check, args=(path,), name="check-" + path) for path in FILES]
    for checker in checkers:
        checker.start()
    for checker in checkers:
        checker.join()
    client.close()
    print(sizes)
    return 0 if len(sizes) == len(FILES) else 1


if __name__ == "__main__":
    guard = threading.Timer(13, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
