"""Serve requests with a connection for each worker thread, kept in a threading.local subclass."""
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]

class PerThread(threading.local):
    def __init__(self, opened):
        self.client = paramiko.SSHClient()
        self.client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        opened.append(self.client)
        self.client.connect(HOST, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)


def handle(ssh, number):
    stdin, stdout, _ = ssh.client.exec_command(f"sleep 0.1; echo {number}", timeout=5)
    answer = stdout.read()
    stdout.channel.close()
    return answer


def batch(numbers):
    opened = []
    ssh = PerThread(opened)
    try:
        with ThreadPoolExecutor(3) as pool:
            return list(pool.map(lambda n: handle(ssh, n), numbers))
    finally:
        for client in opened:
            client.close()


def main():
    for start in (0, 10):
        batch(range(start, start + 6))
    time.sleep(0.5)
    left = sum(isinstance(t, paramiko.Transport) and t.is_active() for t in threading.enumerate())
    print(left, "connections are left")
    return 1 if left else 0


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
