'''Run a report: its status is awaited in the background, the text is read when it is there.'''
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]


class Report:
    def __init__(self, client, command):
        _, self.stdout, self.stderr = client.exec_command(command)
        self.stdout.channel.set_combine_stderr(True)

    def status(self):
        return self.stdout.channel.recv_exit_status()

    def text(self):
        return self.stdout.read()


def main():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False, timeout=10)
    report = Report(client, "head -c 4000000 /dev/zero")
    with ThreadPoolExecutor(1) as pool:
        status = pool.submit(report.status)
        if status.result() == 0:
            text = report.text()
    client.close()
    print(len(text))
    return status.result()


if __name__ == "__main__":
    guard = threading.Timer(12, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
