"""Watch a job's two streams: a selector loop for stdout, a helper thread for stderr."""
import os
import sys
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]
JOB = "for i in $(seq 1 4000); do echo out $i; echo err $i >&2; done"


def connect():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, port=PORT, username=USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client

class Job:
    def __init__(self, client, command):
        self.channel = client.get_transport().open_session()
        self.channel.exec_command(command)
        self.out = bytearray()
        self.err = bytearray()

    def collect_errors(self):
        while data := self.channel.recv_stderr(512):
            self.err += data

    def follow(self):
        helper = threading.Thread(target=self.collect_errors, name="errors", daemon=True)
        helper.start()
        self.channel.settimeout(8)
        while data := self.channel.recv(512):
            self.out += data
        helper.join()


def main():
    client = connect()
    for _ in range(4):
        job = Job(client, JOB)
        job.follow()
        if job.out.count(b"\n") != 4000 or job.err.count(b"\n") != 4000:
            return 1
    client.close()
    return 0


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
