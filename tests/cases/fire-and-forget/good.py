"""Starts a long job on the remote side and comes back later for its result."""
import os
import sys
import tempfile
import threading
import time

import paramiko


class Worker:
    def __init__(self, client, folder):
        self.client, self.folder = client, folder
        self.running = []

    def start(self):
        """Starts the job; it writes `result` when it is through."""
        channel = self.client.get_transport().open_session()
        channel.get_pty()
        channel.exec_command("sleep 2; echo result > %s/result" % self.folder)
        self.running.append(channel)

    def status(self):
        stdin, out, _ = self.client.exec_command("uptime")
        answer = out.read()
        out.channel.close()
        return answer


def main():
    folder = tempfile.mkdtemp()
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"],
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    worker = Worker(client, folder)
    worker.start()
    for _ in range(6):
        time.sleep(0.6)
        worker.status()
    there = os.path.exists(os.path.join(folder, "result"))
    client.close()
    print("result is there:", there)
    return 0 if there else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
