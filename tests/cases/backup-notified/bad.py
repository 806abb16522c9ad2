"""Start a backup in the background, do something else, and wait until it is there."""
import os
import sys
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]


class Backup:
    def __init__(self, client):
        self.client = client
        self.ready = threading.Condition()
        self.name = None

    def make(self):
        _, stdout, _ = self.client.exec_command("echo backup-1.tar", timeout=10)
        name = stdout.read().decode().strip()
        with self.ready:
            self.name = name
            self.ready.notify_all()

    def wait(self):
        with self.ready:
            self.ready.wait()
        return self.name


def main():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False, timeout=10)
    backup = Backup(client)
    threading.Thread(target=backup.make, name="backup", daemon=True).start()
    print(client.exec_command("sleep 1; uptime", timeout=10)[1].read().decode())
    print(backup.wait())
    client.close()
    return 0


if __name__ == "__main__":
    guard = threading.Timer(13, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
