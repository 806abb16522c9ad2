"""Queues of jobs with progress callbacks."""
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

def job(client, path):
    stdin, out, err = client.exec_command(f"cat {path}")
    text = out.read()
    if out.channel.recv_exit_status():
        raise FileNotFoundError(path)
    out.channel.close()
    return text


class Progress:
    def __init__(self):
        self.lock = threading.Lock()
        self.done = 0
        self.failed = 0

    def one_more(self, future):
        with self.lock:
            self.done += 1
            if future.exception() is not None:
                self.failed += 1


def main():
    progress = Progress()
    with connect() as client, ThreadPoolExecutor(3) as pool:
        for path in ("/etc/passwd", "/etc/nothing-here", "/etc/group"):
            pool.submit(job, client, path).add_done_callback(progress.one_more)
    print(progress.done, "of 3 done", progress.failed, "failed")
    return 0

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
