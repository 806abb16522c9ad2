"""Reads a log in a thread, parses it in another, waits for the end."""
import os
import sys
import threading
import queue

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

def read(channel, lines):
    while data := channel.recv(32768):
        lines.put(data)


def parse(lines, seen):
    try:
        while True:
            data = lines.get()
            seen.append(len(data))
            if len(seen) == 5:
                int("not a number")
    except ValueError as exc:
        seen.append(0)


def main():
    lines, seen = queue.Queue(maxsize=8), []
    with connect() as client:
        channel = client.get_transport().open_session()
        channel.set_combine_stderr(True)
        channel.exec_command("head -c 5000000 /dev/zero")
        threads = [threading.Thread(target=read, args=(channel, lines), daemon=True),
                   threading.Thread(target=parse, args=(lines, seen), daemon=True)]
        for t in threads:
            t.start()
        print(channel.recv_exit_status())
        for t in threads:
            t.join()
    return 0

if __name__ == "__main__":
    watchdog = threading.Timer(10, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
