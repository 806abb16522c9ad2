"""Send a big configuration to a device; an alarm sends a no-op so that the device does not log us out."""
import os
import signal
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

class Push:
    def __init__(self, client):
        self.channel = client.get_transport().open_session()
        self.channel.settimeout(8)
        self.channel.exec_command("cat > /dev/null")
        signal.signal(signal.SIGALRM, self.no_op)
        self.due = False

    def no_op(self, signum, frame):
        self.due = True

    def send(self, config):
        signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
        for line in config:
            self.channel.sendall(line)
            if self.due:
                self.due = False
                self.channel.sendall(b"!\n")
        signal.setitimer(signal.ITIMER_REAL, 0)


def main():
    client = connect()
    push = Push(client)
    push.send(b"interface eth%d\n" % n for n in range(8_000))
    client.close()
    return 0


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
