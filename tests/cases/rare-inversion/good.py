"""A job table and a connection, each with its lock; an auditor looks at both now and then."""
import os
import sys
import threading
import time

import paramiko


class Jobs:
    def __init__(self):
        self.table_lock = threading.Lock()
        self.link_lock = threading.Lock()
        self.table = {}
        self.link = paramiko.SSHClient()
        self.link.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        self.link.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"],
                          key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)

    def start(self, name, command):
        with self.table_lock:
            self.table[name] = "starting"
            with self.link_lock:
                streams = self.link.exec_command(command, timeout=30)
            self.table[name] = streams

    def audit(self):
        with self.link_lock:
            stdin, out, _ = self.link.exec_command("ps -o pid= | wc -l", timeout=30)
        with self.table_lock:
            known = len(self.table)
        count = int(out.read())
        out.channel.close()
        return known, count


def auditor(jobs, seen):
    time.sleep(0.8)  # audits are rare
    seen.append(jobs.audit())


def main():
    jobs = Jobs()
    seen = []
    watcher = threading.Thread(target=auditor, args=(jobs, seen), name="auditor")
    watcher.start()
    for n in range(3):
        jobs.start("job%d" % n, "echo %d" % n)
    watcher.join()
    for name, streams in jobs.table.items():
        print(name, streams[1].read().decode().strip())
    jobs.link.close()
    return 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
