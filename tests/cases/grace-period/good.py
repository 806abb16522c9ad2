"""Looks until the watchers have what they were started for, and closes the connection then."""
import os
import sys
import threading
import time

import paramiko


class Watch:
    def __init__(self):
        self.client = paramiko.SSHClient()
        self.client.load_system_host_keys()
        self.client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        self.client.connect(
            os.environ["CASE_HOST"],
            int(os.environ["CASE_PORT"]),
            os.environ["CASE_USER"],
            key_filename=os.environ["CASE_KEY"],
            timeout=10,
        )
        self.loads = []
        self.stop = threading.Event()

    def look(self):
        stdin, stdout, stderr = self.client.exec_command("cat /proc/loadavg", timeout=10)
        stdin.close()
        stderr.read()
        self.loads.append(stdout.read())
        self.stop.wait(20)

    def until_there_are(self, number):
        while len(self.loads) < number:
            time.sleep(0.1)

    def run(self):
        thread = threading.Thread(target=self.look)
        thread.start()
        self.until_there_are(1)
        self.client.close()
        self.stop.set()
        thread.join()
        return 0 if self.loads else 1


if __name__ == "__main__":
    sys.exit(Watch().run())
