"""Streams a data set to a remote consumer; SIGUSR1 asks for a status line on the same channel."""
import os
import signal
import sys
import threading
import time

import paramiko


class Stream:
    def __init__(self):
        self.client = paramiko.SSHClient()
        self.client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        self.client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"],
                            key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
        self.channel = self.client.get_transport().open_session()
        self.channel.exec_command("cat > /dev/null")
        self.sent = 0
        self.asked = False
        signal.signal(signal.SIGUSR1, self.on_status)

    def on_status(self, signum, frame):
        self.asked = True

    def pump(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.channel.sendall(b"x" * 2000)
            self.sent += 2000
            if self.asked:
                self.asked = False
                self.channel.sendall(b"status: %d\n" % self.sent)


def nag():
    for _ in range(400):
        time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGUSR1)


def main():
    stream = Stream()
    nagger = threading.Thread(target=nag, daemon=True)
    nagger.start()
    stream.pump(3)
    nagger.join()
    stream.client.close()
    print("sent", stream.sent)
    return 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
