"""Follows three logs until told to stop."""
import os
import sys
import threading
import tempfile
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

class Tail(threading.Thread):
    def __init__(self, transport, path):
        super().__init__(name=f"tail {path}")
        self.channel = transport.open_session()
        self.channel.exec_command(f"tail -n 1 -F {path}")
        self.lines = []

    def run(self):
        rest = b""
        while data := self.channel.recv(4096):
            *whole, rest = (rest + data).split(b"\n")
            self.lines += whole

    def stop(self):
        self.channel.close()
        self.join()


def main():
    with tempfile.TemporaryDirectory() as folder, connect() as client:
        paths = [os.path.join(folder, f"{n}.log") for n in range(3)]
        for path in paths:
            with open(path, "w") as f:
                f.write("begin\n")
        tails = [Tail(client.get_transport(), path) for path in paths]
        for t in tails:
            t.start()
        for n in range(12):
            with open(paths[n % 2], "a") as f:
                f.write(f"line {n}\n")
            time.sleep(0.6)
        for t in tails:
            t.stop()
        print([len(t.lines) for t in tails])
    return 0

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
