"""Samples a host's load while a job runs; a flag under a lock says when it is enough."""
import os
import sys
import threading
import time

import paramiko


def login():
    ssh = paramiko.SSHClient()
    ssh.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    ssh.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"],
                key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    return ssh


class Probe:
    def __init__(self):
        self._lock = threading.Lock()
        self._stopped = False
        self._samples = []
        self._ssh = login()
        self._thread = threading.Thread(target=self._loop, name="probe")

    def _enough(self):
        with self._lock:
            return self._stopped

    def _loop(self):
        while not self._enough():
            _, stdout, _ = self._ssh.exec_command("cat /proc/loadavg", timeout=5)
            value = float(stdout.read().split()[0])
            with self._lock:
                self._samples.append(value)
            time.sleep(0.2)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        with self._lock:
            self._stopped = True
        self._ssh.close()
        self._thread.join()

    def summary(self):
        with self._lock:
            return f"{len(self._samples)} samples"


def job():
    ssh = login()
    try:
        for step in ("sleep 0.3; echo one", "sleep 0.3; echo two"):
            _, stdout, _ = ssh.exec_command(step, timeout=20)
            print(stdout.read().decode().strip())
    finally:
        ssh.close()


def main():
    with Probe() as probe:
        job()
    print(probe.summary())


sys.exit(main())
