"""Results are handed over in a dict that main polls under a lock."""
import os
import sys
import threading
import time

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

RESULTS = {}
LOCK = threading.Lock()


def worker(n):
    client = connect()
    sftp = client.open_sftp()
    sftp.stat("/etc/passwd")
    with LOCK:
        RESULTS[n] = (client, sftp)


def main():
    for n in range(3):
        threading.Thread(target=worker, args=(n,), daemon=True).start()
    while True:
        with LOCK:
            if len(RESULTS) == 3:
                break
        time.sleep(0.02)
    for client, sftp in RESULTS.values():
        print(sftp.stat("/etc/group").st_size)
        sftp.close()
        client.close()
    return 0

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
