"""Ping all sites: a thread for each, and three tries."""
import os
import sys
import threading
import time

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]
SITES = 20


class Ping(threading.Thread):
    def __init__(self, site, gate):
        super().__init__(name=f"site-{site}")
        self.gate = gate
        self.failures = 0
        self.answer = None

    def try_once(self):
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        try:
            with self.gate:
                client.connect(HOST, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
            stdin, stdout, _ = client.exec_command("echo pong", timeout=5)
            answer = stdout.read().strip()
            stdout.channel.close()
            return answer
        finally:
            client.close()

    def run(self):
        for _ in range(3):
            try:
                self.answer = self.try_once()
                return
            except (paramiko.SSHException, EOFError, OSError):
                self.failures += 1
                time.sleep(0.2)


def main():
    gate = threading.BoundedSemaphore(3)
    pings = [Ping(n, gate) for n in range(SITES)]
    for p in pings:
        p.start()
    for p in pings:
        p.join()
    failures = sum(p.failures for p in pings)
    print(sum(p.answer == b"pong" for p in pings), "pongs", failures, "failures")
    return 1 if failures else 0


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
