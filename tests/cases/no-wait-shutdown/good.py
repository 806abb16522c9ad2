"""Runs checks and stops at the first bad one."""
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]


def connect():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, port=PORT, username=USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client

class Checker:
    def __init__(self):
        self.client = connect()
        self.pool = ThreadPoolExecutor(3, thread_name_prefix="check")

    def check(self, seconds):
        stdin, out, _ = self.client.exec_command(f"sleep {seconds}; echo fine", timeout=20)
        text = out.read()
        out.channel.close()
        return text.strip() == b"fine"

    def close(self):
        self.pool.shutdown()
        self.client.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def main():
    with Checker() as checker:
        futures = [checker.pool.submit(checker.check, s) for s in (0.2, 2, 2.2)]
        print("first", futures[0].result())
    answers = []
    for f in futures:
        try:
            answers.append(f.result())
        except Exception as exc:
            answers.append(exc)
    print(answers)
    return 0 if answers == [True] * 3 else 1

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
