"""Sample a host every now and then, by a chain of timers."""
import os
import sys
import threading
from contextlib import ExitStack

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]

local = threading.local()
samples = []
opened = ExitStack()
over = threading.Event()


def client():
    if not hasattr(local, "client"):
        local.client = paramiko.SSHClient()
        local.client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        local.client.connect(HOST, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False, timeout=10)
        opened.callback(local.client.close)
    return local.client


def sample(left):
    samples.append(client().exec_command("cat /proc/loadavg", timeout=10)[1].read())
    samples.append(client().exec_command("cat /proc/uptime", timeout=10)[1].read())
    if left:
        threading.Timer(0.1, sample, (left - 1,)).start()
    else:
        over.set()


def main():
    threading.Timer(0.1, sample, (7,)).start()
    over.wait(15)
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer) and thread.daemon is False:
            thread.join()
    opened.close()
    alive = [t for t in threading.enumerate() if isinstance(t, paramiko.Transport)]
    for transport in alive:
        transport.join(1)
    alive = [t for t in alive if t.is_active()]
    print(len(samples), "samples,", len(alive), "connections open")
    return 1 if alive else 0


if __name__ == "__main__":
    guard = threading.Timer(18, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
