"""A long command and, beside it, a heartbeat on the same connection."""
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

class Heartbeat(threading.Thread):
    def __init__(self, client, every):
        super().__init__(daemon=True, name="heartbeat")
        self.client, self.every = client, every
        self.stop = threading.Event()
        self.beats = 0

    def run(self):
        while not self.stop.wait(self.every):
            stdin, stdout, _ = self.client.exec_command("true", timeout=5)
            stdout.channel.recv_exit_status()
            stdout.channel.close()
            self.beats += 1


def main():
    client = connect()
    heart = Heartbeat(client, 0.1)
    heart.start()
    try:
        stdin, stdout, _ = client.exec_command("for i in 1 2 3; do echo $i; sleep 0.5; done", timeout=5)
        text = stdout.read()
        stdout.channel.close()
    finally:
        heart.stop.set()
        heart.join()
        client.close()
    return 0 if text == b"1\n2\n3\n" and heart.beats else 1


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
