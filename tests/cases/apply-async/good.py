"""Restarts services side by side with a thread pool."""
import os
import sys
import threading
from multiprocessing.pool import ThreadPool

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

def restart(client, name):
    stdin, out, err = client.exec_command(f"kill -0 {name}", timeout=10)
    err.read()
    if out.channel.recv_exit_status():
        raise RuntimeError(f"cannot restart {name}")
    out.channel.close()


def main():
    with connect() as client:
        pool = ThreadPool(3)
        results = [pool.apply_async(restart, (client, name)) for name in ("web", "db")]
        pool.close()
        pool.join()
        for r in results:
            try:
                r.get()
            except RuntimeError as exc:
                print(exc)
        print("all restarted")
    return 0

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
