"""Runs checks over two connections; who gets one is decided by a semaphore."""
import os
import sys
import threading
from collections import deque

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]
CHECKS = ["exit 1", "exit 2", "true", "true", "true"]


def dial(address=HOST):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(address, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client


class CheckFailed(Exception):
    pass


free = deque()
slots = threading.Semaphore(0)
problems, passed = [], []


def add(client):
    free.append(client)
    slots.release()


def check(command):
    slots.acquire()
    client = free.popleft()
    try:
        stdin, out, _ = client.exec_command(command, timeout=5)
        out.read()
        if out.channel.recv_exit_status():
            raise CheckFailed(command)
        out.channel.close()
        passed.append(command)
    finally:
        add(client)


def guarded(command):
    try:
        check(command)
    except CheckFailed as problem:
        problems.append(problem)


def main():
    clients = [dial(), dial()]
    for client in clients:
        add(client)
    threads = [threading.Thread(target=guarded, args=(command,)) for command in CHECKS]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for client in clients:
        client.close()
    print(len(passed), "passed,", len(problems), "failed")
    return 0 if len(passed) == 3 else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
