"""Sends many lines through a remote filter."""
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

class Filter:
    def __init__(self, client, command):
        self.channel = client.get_transport().open_session()
        self.channel.exec_command(command)
        self.result = []

    def feed(self, blocks):
        for block in blocks:
            self.channel.sendall(memoryview(block))
        self.channel.shutdown_write()

    def collect(self):
        while data := self.channel.recv(65536):
            self.result.append(data)


def main():
    blocks = [bytes([65 + n % 26]) * 65536 for n in range(160)]
    with connect() as client:
        f = Filter(client, "tr A-Z a-z")
        feeder = threading.Thread(target=f.feed, args=(blocks,), name="feeder")
        feeder.start()
        f.collect()
        feeder.join()
        size = sum(map(len, f.result))
    print(size)
    return 0 if size == 160 * 65536 else 1

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
