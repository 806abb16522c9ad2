"""An expect-like session for several callers."""
import os
import sys
import threading
import time

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

class Session:
    """Commands on one shell; finds each answer by a marker."""

    def __init__(self, client):
        self.shell = client.invoke_shell(width=200)
        self.shell.settimeout(4)
        self.lock = threading.RLock()
        self.buffer = ""
        self.send("PS1='' ; stty -echo")
        self.expect("never", wait=0.7)

    def send(self, line):
        with self.lock:
            self.shell.send(line + "\n")

    def expect(self, word, wait=4.0):
        with self.lock:
            end = time.monotonic() + wait
            while word not in self.buffer and time.monotonic() < end:
                if self.shell.recv_ready():
                    self.buffer += self.shell.recv(4096).decode()
                else:
                    time.sleep(0.02)
            text, self.buffer = self.buffer, ""
            return text

    def ask(self, n):
        self.send(f"sleep 0.1; echo answer-{n}-$((n+1))-end")
        return self.expect("-end")


def main():
    wrong = []
    with connect() as client:
        session = Session(client)

        def caller(n):
            text = session.ask(n)
            if text.count("answer") != 1 or f"answer-{n}-" not in text:
                wrong.append((n, text))

        threads = [threading.Thread(target=caller, args=(n,)) for n in range(3)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        session.shell.close()
    print(wrong)
    return 1 if wrong else 0

if __name__ == "__main__":
    watchdog = threading.Timer(20, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
