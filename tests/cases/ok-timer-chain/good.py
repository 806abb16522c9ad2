"""A poll every tenth of a second: a timer that sets the next one, all with the same SFTP session."""
import os
import sys
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]


def dial(address=HOST):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(address, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client


class Poller:
    def __init__(self, sftp):
        self.sftp = sftp
        self.seen = []
        self.through = threading.Event()

    def poll(self):
        self.seen.append(len(self.sftp.listdir("/etc")))
        if len(self.seen) == 8:
            self.through.set()
        else:
            threading.Timer(0.1, self.poll).start()


def main():
    client = dial()
    poller = Poller(client.open_sftp())
    poller.poll()
    poller.through.wait(30)
    client.close()
    return 0 if len(set(poller.seen)) == 1 else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
