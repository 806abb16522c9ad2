"""Follows a log until told to stop; closing the channel wakes the reader."""
import os
import sys
import threading
import time

import paramiko


def dial():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], timeout=10,
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    return client



class Follower(threading.Thread):
    def __init__(self, client, command):
        super().__init__(name="follower")
        self.channel = client.get_transport().open_session()
        self.channel.exec_command(command)
        self.text = b""
        self.first = threading.Event()

    def run(self):
        while chunk := self.channel.recv(4096):
            self.text += chunk
            self.first.set()

    def stop(self):
        self.channel.close()
        self.join()


def main():
    client = dial()
    follower = Follower(client, "tail -F /etc/hostname")
    follower.start()
    follower.first.wait(10)
    client.exec_command("true", timeout=5)[1].read()
    follower.stop()
    client.close()
    return 0 if follower.text else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
