"""Tells a hub about events; a notification keeps what it sent, its streams included, for the error report."""
import gc
import os
import sys
import threading
import time

import paramiko


class Notification:
    def __init__(self, client, text):
        self.text = text
        self.streams = client.exec_command("notify " + text, timeout=5)
        self.report = lambda: (self, self.text)  # for the error report

    def done(self):
        for stream in self.streams:
            stream.close()
        self.streams[1].channel.close()


def notifier(client, name, end, trouble):
    n = 0
    while time.monotonic() < end and not trouble:
        try:
            Notification(client, "%s %d" % (name, n)).done()
            n += 1
        except Exception as error:
            trouble.append(error)


def main():
    gc.set_threshold(60, 5, 5)
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"],
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    trouble = []
    end = time.monotonic() + 6
    threads = [threading.Thread(target=notifier, args=(client, "n%d" % n, end, trouble)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print([repr(t) for t in trouble])
    if trouble:
        os._exit(1)
    client.close()
    return 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
