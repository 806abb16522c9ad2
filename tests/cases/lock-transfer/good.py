"""Move counters between two machines, each with a lock; the order is by name."""
import os
import sys
import threading

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

class Machine:
    def __init__(self, name):
        self.name, self.lock, self.count = name, threading.RLock(), 10
        self.client = connect()

    def note(self):
        with self.lock:
            self.count += 0
            return f"{self.name}={self.count}"


def move(a, b, amount):
    first, second = sorted((a, b), key=lambda m: m.name)
    with first.lock, second.lock:
        a.count -= amount
        b.count += amount
        text = a.note() + " " + b.note()
    for machine in (a, b):
        stdin, stdout, _ = machine.client.exec_command(f"echo {text}", timeout=5)
        stdout.read()
        stdout.channel.close()


def main():
    one, two = Machine("one"), Machine("two")
    threads = [threading.Thread(target=move, args=pair) for pair in [(one, two, 1), (two, one, 2)] * 4]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for m in (one, two):
        m.client.close()
    return 0 if one.count + two.count == 20 else 1


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
