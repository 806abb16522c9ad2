"""Have a remote filter clean a table: rows go up as CSV, the clean ones come back."""
import csv
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]
ROWS = [(n, f"customer {n}", "x" * 60) for n in range(80_000)]


def dial(address=HOST):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(address, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client


def send(stdin):
    csv.writer(stdin, lineterminator="\n").writerows(ROWS)
    stdin.channel.shutdown_write()


def clean(client):
    stdin, stdout, _ = client.exec_command("tr a-z A-Z")
    with ThreadPoolExecutor(1) as helper:
        sending = helper.submit(send, stdin)
        text = stdout.read().decode()
        sending.result()
    return list(csv.reader(text.splitlines()))


def main():
    with dial() as client:
        rows = clean(client)
    print(len(rows), rows[:1])
    return 0 if len(rows) == len(ROWS) else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
