"""Waits for a build to end and shows its log."""
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

class Build:
    def __init__(self, client, command):
        self.channel = client.get_transport().open_session()
        self.channel.set_combine_stderr(True)
        self.channel.exec_command(command)
        self.log = []

    def wait(self):
        self.read()
        self.channel.status_event.wait()
        return self.channel.exit_status

    def read(self):
        while data := self.channel.recv(32768):
            self.log.append(data)


def main():
    with connect() as client:
        build = Build(client, "head -c 6000000 /dev/zero | tr '\\0' x")
        waiter = threading.Thread(target=build.wait, name="waiter")
        waiter.start()
        waiter.join()
        print(build.channel.exit_status, sum(map(len, build.log)))
    return 0

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
