"""Looks after the machines of a rack every now and then; each look is a thread."""
import contextlib
import os
import sys
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]
verdicts = {}


def dial(address=HOST):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(address, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client


def look(address):
    with contextlib.closing(dial(address)) as client:
        stdin, out, _ = client.exec_command("cat /proc/loadavg", timeout=5)
        load = float(out.read().split()[0])
        if load < 1000:
            verdicts[address] = "fine"
            return
        stdin, out, _ = client.exec_command("ps aux --sort -%cpu | head -3", timeout=5)
        verdicts[address] = out.read().decode()
        out.channel.close()
        out.channel.close()


def main():
    for _ in range(2):
        looks = [threading.Thread(target=look, args=(f"127.0.0.{n}",)) for n in range(1, 5)]
        for t in looks:
            t.start()
        for t in looks:
            t.join()
    left = [t for t in threading.enumerate() if isinstance(t, paramiko.Transport) and t.is_active()]
    print(len(verdicts), "machines,", len(left), "connections open")
    return 1 if left else 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
