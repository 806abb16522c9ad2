"""Computes while a remote job reports its progress."""
import os
import sys
import threading
import time

import paramiko


def crunch(stop):
    sys.setswitchinterval(0.2)
    n = 0
    while not stop.is_set():
        for _ in range(200_000):
            n = (n * 31 + 7) % 1_000_003


def main():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], timeout=10,
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    stop = threading.Event()
    crunchers = [threading.Thread(target=stop.wait, daemon=True, name="idler %d" % n) for n in range(2)]
    for c in crunchers:
        c.start()
    began = time.monotonic()
    stdin, out, _ = client.exec_command("for i in 1 2 3 4 5 6 7 8; do echo progress $i; sleep 0.1; done")
    text = out.read()
    out.channel.close()
    took = time.monotonic() - began
    stop.set()
    client.close()
    print(len(text), "bytes in %.1f s" % took)
    return 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
