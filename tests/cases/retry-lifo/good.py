"""A pool with retries."""
import os
import sys
import threading
import queue
from concurrent.futures import ThreadPoolExecutor

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]


def connect():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, port=PORT, username=USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client

class Pool:
    def __init__(self, size):
        self.idle = queue.LifoQueue()
        self.all = []
        for _ in range(size):
            self.add()

    def add(self):
        client = connect()
        self.all.append(client)
        self.idle.put(client)

    def run(self, command, tries=2):
        while True:
            client = self.idle.get()
            try:
                stdin, out, _ = client.exec_command(command, timeout=2)
                if out.channel.recv_exit_status():
                    raise RuntimeError(command)
                out.channel.close()
                self.idle.put(client)
                return True
            except Exception:
                tries -= 1
                client.close()
                self.add()
                if not tries:
                    return False


def main():
    pool = Pool(3)
    with ThreadPoolExecutor(3, thread_name_prefix="job") as crew:
        print(list(crew.map(pool.run, ["true", "false", "exit 4", "true", "true"])))
    for client in pool.all:
        client.close()
    return 0

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
