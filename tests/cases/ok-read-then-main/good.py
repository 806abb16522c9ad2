"""A helper reads the banner of a remote job, main reads what comes after it."""
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
    _, out, _ = client.exec_command("echo banner; echo; seq 1 2000", timeout=10)
    banner = []

    def read_banner():
        for line in out:
            if line == "\n":
                return
            banner.append(line.strip())

    helper = threading.Thread(target=read_banner)
    helper.start()
    helper.join()
    numbers = [int(line) for line in out]
    status = out.channel.recv_exit_status()
    client.close()
    print(banner, len(numbers), status)
    return 0 if banner == ["banner"] and numbers == list(range(1, 2001)) and not status else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
