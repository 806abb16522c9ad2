"""Two lock orders that can never meet."""
import os
import sys
import threading

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

class Host:
    def __init__(self, name):
        self.name, self.lock, self.client = name, threading.Lock(), connect()


def copy(a, b):
    with a.lock, b.lock:
        stdin, out, _ = a.client.exec_command("true", timeout=20)
        out.channel.recv_exit_status()
        out.channel.close()


def main():
    a, b = Host("a"), Host("b")
    done = threading.Event()

    def first():
        copy(a, b)
        done.set()

    def second():
        done.wait()
        copy(b, a)

    crew = [threading.Thread(target=first), threading.Thread(target=second)]
    for t in crew:
        t.start()
    for t in crew:
        t.join()
    for host in (a, b):
        host.client.close()
    return 0

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
