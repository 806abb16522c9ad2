"""Follow a device's event stream. Keepalives are on, so a dead device will be noticed."""
import os
import sys
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]
KEEPALIVE = 1


class EventStream:
    def __init__(self, sink):
        self.sink = sink
        self.client = paramiko.SSHClient()
        self.client.set_missing_host_key_policy(paramiko.AutoAddPolicy())

    def __enter__(self):
        self.client.connect(HOST, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
        self.client.get_transport().set_keepalive(KEEPALIVE)
        return self

    def __exit__(self, *_):
        self.client.close()

    def follow(self):
        stdin, stdout, _ = self.client.exec_command("while true; do echo event; sleep 0.3; done", timeout=3)
        try:
            while line := stdout.readline():
                self.sink(line)
        except TimeoutError:
            print("the device is silent")
        stdout.channel.close()


def main():
    events = []
    with EventStream(events.append) as stream:
        thread = threading.Thread(target=stream.follow, daemon=True)
        thread.start()
        thread.join(11)
        return 3 if thread.is_alive() else 0


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
