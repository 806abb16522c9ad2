"""Waits until a remote service says ready; the log is followed in the background."""
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import paramiko


class Follower:
    def __init__(self):
        self.ready = threading.Event()
        self.client = paramiko.SSHClient()
        self.client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        self.client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"],
                            key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)

    def follow(self):
        channel = self.client.get_transport().open_session()
        channel.exec_command("echo starting; sleep 0.3; echo ready; exec sleep 1000")
        text = b""
        while chunk := channel.recv(1024):
            text += chunk
            if b"ready" in text:
                self.ready.set()

    def stop(self):
        self.client.close()


def main():
    follower = Follower()
    executor = ThreadPoolExecutor(1)
    following = executor.submit(follower.follow)
    if not follower.ready.wait(8):
        return 1
    print("service is ready", flush=True)
    follower.stop()
    following.result(5)
    return 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
