"""Build farm client: workers take targets from a queue, build them remotely and keep the output."""
import os
import queue
import sys
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]
NOISE = "yes warning | head -c 3000000 >&2; echo built %s"


def connect():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, port=PORT, username=USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client

class Builder(threading.Thread):
    def __init__(self, client, targets, built):
        super().__init__(daemon=True)
        self.client = client
        self.targets = targets
        self.built = built

    def build(self, target):
        _, out, err = self.client.exec_command(NOISE % target)
        problems = []
        reader = threading.Thread(target=lambda: problems.append(err.read().decode()))
        reader.start()
        output = "".join(line for line in out)
        reader.join()
        return output.strip(), problems[0].count("warning")

    def run(self):
        while True:
            target = self.targets.get()
            try:
                self.built.append((target, *self.build(target)))
            finally:
                self.targets.task_done()


def main():
    targets, built = queue.Queue(), []
    client = connect()
    for n in range(2):
        Builder(client, targets, built).start()
    for target in ("kernel", "modules", "docs"):
        targets.put(target)
    targets.join()
    client.close()
    print(built)
    return 0 if len(built) == 3 else 1


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
