"""A session object that keeps the streams of its last command and calls itself back."""
import gc
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

class Command:
    """One remote command; finished() is called with what it printed."""

    def __init__(self, client, text):
        self.text = text
        self.stdin, self.stdout, self.stderr = client.exec_command(text, timeout=4)
        self.finished = self.keep

    def keep(self, output):
        self.output = output

    def start(self):
        """The channel, for whoever wants to read it."""
        self.stdin.close()
        return self.stdout.channel


def worker(client, rounds, failed):
    try:
        for _ in range(rounds):
            channel = Command(client, "true").start()
            while channel.recv(1000):
                pass
            channel.close()
    except Exception as exc:
        failed.append(exc)


def main():
    gc.set_threshold(40, 2, 2)
    client, failed = connect(), []
    crew = [threading.Thread(target=worker, args=(client, 100, failed), daemon=True) for _ in range(4)]
    for t in crew:
        t.start()
    for t in crew:
        t.join(10)
    if any(t.is_alive() for t in crew):
        return 3
    client.close()
    return 1 if failed else 0


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
