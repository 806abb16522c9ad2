"""Counts what runs, without holding anybody up."""
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import paramiko


def dial():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], timeout=10,
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    return client



class Runner:
    def __init__(self):
        self._lock = threading.Lock()
        self._client = dial()
        self._running = 0
        self.most = 0

    def run(self, command):
        with self._lock:
            self._running += 1
            self.most = max(self.most, self._running)
            client = self._client
        try:
            return client.exec_command(command, timeout=10)[1].read().decode().strip()
        finally:
            with self._lock:
                self._running -= 1

    def close(self):
        self._client.close()


def main():
    runner = Runner()
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(runner.run, ["sleep 1; echo %d" % n for n in range(5)]))
    runner.close()
    print(answers, runner.most)
    return 0 if answers == list("01234") and runner.most == 5 else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
