"""Commands by three threads, while a supervisor asks how the connection is and sets its keepalive."""
import os
import sys
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]


def dial(address=HOST):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(address, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client


def main():
    client = dial()
    link = client.get_transport()
    over = threading.Event()
    seen = []

    def supervise():
        while not over.wait(0.02):
            link.set_keepalive(5 + len(seen) % 3)
            link.send_ignore()
            seen.append((link.is_active(), link.is_authenticated(), link.getpeername()[1]))

    counts = []

    def work():
        for n in range(10):
            stdin, out, _ = client.exec_command(f"echo {n}", timeout=10)
            counts.append(int(out.read()))
            out.channel.close()

    supervisor = threading.Thread(target=supervise, name="supervisor")
    supervisor.start()
    workers = [threading.Thread(target=work) for _ in range(3)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    over.set()
    supervisor.join()
    client.close()
    return 0 if len(counts) == 30 and set(seen) == {(True, True, PORT)} else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
