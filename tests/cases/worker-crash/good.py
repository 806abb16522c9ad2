"""Some tasks fail and the program says so."""
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed

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

class CommandFailed(Exception):
    pass


def task(client, number):
    stdin, stdout, stderr = client.exec_command(f"echo {number}; exit {number % 3}", timeout=5)
    out, err = stdout.read(), stderr.read()
    if status := stdout.channel.recv_exit_status():
        raise CommandFailed(number, status)
    stdout.channel.close()
    return out


def main():
    client = connect()
    try:
        with ThreadPoolExecutor(4) as pool:
            futures = {pool.submit(task, client, n): n for n in range(9)}
            failed = [futures[f] for f in as_completed(futures) if isinstance(f.exception(), CommandFailed)]
    finally:
        client.close()
    print("failed:", sorted(failed))
    return 0 if len(failed) == 6 else 1


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
