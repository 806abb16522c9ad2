"""One thread owns the shell; others ask it through a queue with a reply queue each."""
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

class Owner(threading.Thread):
    def __init__(self, shell):
        super().__init__(daemon=True)
        self.shell, self.jobs = shell, queue.Queue()

    def run(self):
        while (job := self.jobs.get()) is not None:
            n, reply = job
            self.shell.sendall(f"echo answer-$(({n}+1))-end\n".encode())
            text = b""
            while f"answer-{n + 1}-end".encode() not in text:
                text += self.shell.recv(1000)
            reply.put(text)

    def ask(self, n):
        reply = queue.Queue()
        self.jobs.put((n, reply))
        return reply.get(timeout=30)


def main():
    with connect() as client:
        shell = client.invoke_shell()
        shell.settimeout(30)
        owner = Owner(shell)
        owner.start()
        with ThreadPoolExecutor(4) as pool:
            print(len(list(pool.map(owner.ask, range(10)))))
        owner.jobs.put(None)
        owner.join()
        shell.close()
    return 0

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
