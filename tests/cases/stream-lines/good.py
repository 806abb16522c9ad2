"""Stream a test run's output line by line until it is done."""
import os
import sys
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]
COUNT = 3000


def connect():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, port=PORT, username=USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client

def lines(channel):
    pending = b""
    while True:
        data = channel.recv(1024)
        if not data:
            return
        pending += data
        *whole, pending = pending.split(b"\n")
        yield from whole


def test_run(client):
    channel = client.get_transport().open_session()
    channel.set_combine_stderr(True)
    channel.settimeout(30)
    channel.exec_command(f"(sleep 1; seq 1 {COUNT}) & echo started; exit 0")
    return sum(1 for line in lines(channel) if line.isdigit())


def main():
    short = 0
    with connect() as client:
        for _ in range(3):
            short += test_run(client) != COUNT
    print(short, "of 3 runs are cut short")
    return 1 if short else 0


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
