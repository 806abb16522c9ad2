"""Mirror directories between machines; a machine takes part in one transfer at a time."""
import os
import sys
import threading
from contextlib import ExitStack

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]

class Machine:
    def __init__(self, name):
        self.name = name
        self.busy = threading.Lock()
        self.client = paramiko.SSHClient()
        self.client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        self.client.connect(HOST, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)

    def run(self, command):
        stdin, stdout, _ = self.client.exec_command(command, timeout=5)
        answer = stdout.read()
        stdout.channel.close()
        return answer


def mirror(source, target):
    with ExitStack() as held:
        for machine in sorted((source, target), key=lambda m: m.name):
            held.enter_context(machine.busy)
        listing = source.run("sleep 0.2; ls /")
        target.run(f"echo {len(listing)}")


def main():
    east, west = Machine("east"), Machine("west")
    transfers = [(east, west), (west, east)]
    threads = [threading.Thread(target=mirror, args=pair) for pair in transfers]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for machine in (east, west):
        machine.client.close()
    return 0


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
