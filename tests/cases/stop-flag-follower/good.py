"""Follow a remote log while a deployment runs; the follower is told to stop when it is over."""
import os
import sys
import tempfile
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


class Follower(threading.Thread):
    def __init__(self, client, path):
        super().__init__(name="follower")
        self.channel = client.get_transport().open_session()
        self.channel.exec_command(f"tail -n 0 -F {path}")
        self.lines = []
        self.stopped = False

    def run(self):
        source = self.channel.makefile("r")
        while not self.stopped:
            line = source.readline()
            if not line:
                break
            self.lines.append(line)

    def stop(self):
        self.stopped = True
        self.channel.close()


def main():
    client = dial()
    with tempfile.NamedTemporaryFile("w") as log:
        follower = Follower(client, log.name)
        follower.start()
        stdin, out, _ = client.exec_command(f"sleep 0.5; echo deployed >> {log.name}; sleep 0.5", timeout=5)
        out.read()
        out.channel.close()
        follower.stop()
    follower.join()
    client.close()
    print(follower.lines)
    return 0 if follower.lines == ["deployed\n"] else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
