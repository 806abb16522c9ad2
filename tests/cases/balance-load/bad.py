'''Move load between hosts; both hosts are locked while it moves.'''
import os
import sys
import threading
from contextlib import ExitStack

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]


class Host:
    def __init__(self, name):
        self.name = name
        self.busy = threading.Lock()
        self.jobs = 10
        self.client = paramiko.SSHClient()
        self.client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        self.client.connect(name, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False, timeout=10)

    def tell(self, word):
        return self.client.exec_command("echo " + word, timeout=10)[1].read()


def move(source, target):
    with source.busy:
        source.tell("give")
        with target.busy:
            target.tell("take")
            source.jobs -= 1
            target.jobs += 1


def main():
    hosts = [Host("127.0.0.%d" % n) for n in (2, 3, 4)]

    def balance(number):
        for turn in range(4):
            source = hosts[(number + turn) % 3]
            target = hosts[(number + turn + 1 + number % 2) % 3]
            move(source, target)

    threads = [threading.Thread(target=balance, args=(n,), daemon=True) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for host in hosts:
        host.client.close()
    return 0 if sum(host.jobs for host in hosts) == 30 else 1


if __name__ == "__main__":
    guard = threading.Timer(13, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
