"""Runs commands in parallel; looks for errors before anything else."""
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import paramiko


def connect():
    c = paramiko.SSHClient()
    c.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    c.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"],
              key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    return c


def execute(client, command):
    stdin, stdout, stderr = client.exec_command(command, get_pty=False)
    with ThreadPoolExecutor(1) as side:
        error = side.submit(stderr.read)
        output = stdout.read()
        if error.result():
            raise RuntimeError(error.result().decode())
    return output


def main():
    client = connect()
    commands = ["uptime", "head -c 6000000 /dev/zero", "date"]
    with ThreadPoolExecutor(3) as executor:
        results = list(executor.map(lambda command: execute(client, command), commands))
    client.close()
    print([len(r) for r in results])
    return 0 if len(results[1]) == 6_000_000 else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
