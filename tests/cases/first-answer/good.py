"""Ask several questions on one connection and take the first answer."""
import os
import sys
import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]
WAYS = ["sleep 0.3; echo slow way", "echo quick way", "sleep 0.5; echo slowest way"]
POOL = ThreadPoolExecutor(3)
empty = []


def connect():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, port=PORT, username=USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client

def answer(client, command):
    stdin, stdout, _ = client.exec_command(command, timeout=5)
    text = stdout.read().decode().strip()
    stdout.channel.close()
    if not text:
        empty.append(command)
    return text


def first_answer():
    with connect() as client:
        futures = [POOL.submit(answer, client, command) for command in WAYS]
        done, _ = wait(futures, return_when=FIRST_COMPLETED)
        first = done.pop().result()
        wait(futures)
        return first, futures


def main():
    text, futures = first_answer()
    print("first:", text)
    broken = 0
    for future in futures:
        if future.exception() is not None:
            broken += 1
    print(broken, "broken,", len(empty), "empty answers")
    return 1 if broken or empty else 0


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
