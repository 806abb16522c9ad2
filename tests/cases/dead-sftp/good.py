"""Watches a file's size over SFTP."""
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait

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

def watch(sizes):
    with connect() as client:
        sftp = client.open_sftp()
        sftp.get_channel().settimeout(2)
        while True:
            sizes.append(sftp.stat("/etc/passwd").st_size)
            time.sleep(0.2)


def main():
    sizes = []
    done, _ = wait([POOL.submit(watch, sizes)], timeout=9)
    print(len(sizes), len(done))
    for f in done:
        print(repr(f.exception()))
    if not done:
        os._exit(1)
    return 0


POOL = ThreadPoolExecutor(1)

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
