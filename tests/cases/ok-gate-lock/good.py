"""Moves files between two accounts of one host; one transfer at a time."""
import os
import sys
import threading

import paramiko


def dial():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], timeout=10,
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    return client


gate = threading.Lock()
a_lock, b_lock = threading.Lock(), threading.Lock()


def move(client, first, second, text):
    with gate:
        with first, second:
            client.exec_command("echo " + text, timeout=10)[1].read()


def main():
    client = dial()
    threads = [threading.Thread(target=move, args=(client, a_lock, b_lock, "a to b")),
               threading.Thread(target=move, args=(client, b_lock, a_lock, "b to a"))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    client.close()
    return 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
