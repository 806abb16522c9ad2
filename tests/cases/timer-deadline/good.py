"""Commands with a deadline: the timer closes the channel, the reader then sees the end."""
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

class TooSlow(Exception):
    pass


def run(client, command, limit):
    _, stdout, _ = client.exec_command(command)
    late = threading.Event()

    def expire():
        late.set()
        stdout.channel.close()

    timer = threading.Timer(limit, expire)
    timer.start()
    try:
        text = stdout.read()
    finally:
        timer.cancel()
        timer.join()
    if late.is_set():
        raise TooSlow(command)
    return text


def main():
    with connect() as client:
        quick = run(client, "echo quick", 3)
        try:
            run(client, "sleep 20", 0.5)
            slow = False
        except TooSlow:
            slow = True
    return 0 if quick == b"quick\n" and slow else 1


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
