"""Local commands and a forked helper beside an open connection."""
import multiprocessing
import os
import subprocess
import sys
import threading

import paramiko


def dial():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], timeout=10,
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    return client



def helper(conn):
    conn.send(sum(range(1000)))
    conn.close()


def main():
    client = dial()
    beat = threading.Thread(target=lambda: client.exec_command("sleep 1; echo beat", timeout=10)[1].read())
    beat.start()
    local = subprocess.run(["echo", "local"], capture_output=True, text=True).stdout
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=helper, args=(theirs,))
    child.start()
    total = ours.recv()
    child.join()
    beat.join()
    remote = client.exec_command("echo remote", timeout=10)[1].read()
    client.close()
    return 0 if (local, total, remote) == ("local\n", 499500, b"remote\n") else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
