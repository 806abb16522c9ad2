"""Waits for remote reports with a progress dot each second, then takes their output."""
import os
import sys
import threading
import time

import paramiko

HOST, PORT, USER, KEY = (os.environ["CASE_" + n] for n in ("HOST", "PORT", "USER", "KEY"))
reports = {}


class Report(threading.Thread):
    """One report; `name` is what it is called, `lines` how long it is."""

    def __init__(self, client, name, lines):
        threading.Thread.__init__(self, name=name)
        self.client = client
        self.lines = lines

    def run(self):
        stdin, stdout, stderr = self.client.exec_command("yes 0123456789012345678901234567890 | head -n %d" % self.lines)
        channel = stdout.channel
        count = 0
        while data := channel.recv(65536):
            count += data.count(b"\n")
        assert channel.recv_exit_status() == 0
        reports[self.name] = count


def main():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, int(PORT), USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    threads = [Report(client, "daily", 1000), Report(client, "monthly", 150_000)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    client.close()
    print(reports)
    return 0 if reports == {"daily": 1000, "monthly": 150_000} else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
