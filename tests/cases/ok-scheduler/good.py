"""Jobs for a machine, entered by several threads, run by one scheduler thread."""
import os
import queue
import sched
import sys
import threading
import time

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


class Scheduler(threading.Thread):
    def __init__(self):
        super().__init__(name="scheduler")
        self.agenda = sched.scheduler(time.monotonic, time.sleep)
        self.inbox = queue.Queue()
        self.done = []

    def run(self):
        with dial() as client, client.open_sftp() as sftp:
            while (job := self.inbox.get()) is not None:
                self.agenda.enter(0.01, job % 2, self.work, (client, sftp, job))
                self.agenda.run(blocking=True)

    def work(self, client, sftp, job):
        stdin, out, _ = client.exec_command(f"echo {job}", timeout=10)
        assert int(out.read()) == job
        out.channel.close()
        sftp.stat("/etc/passwd")
        self.done.append(job)


def main():
    scheduler = Scheduler()
    scheduler.start()
    givers = [threading.Thread(target=lambda n=n: [scheduler.inbox.put(n * 10 + k) for k in range(5)]) for n in range(4)]
    for g in givers:
        g.start()
    for g in givers:
        g.join()
    scheduler.inbox.put(None)
    scheduler.join()
    return 0 if len(scheduler.done) == 20 else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
