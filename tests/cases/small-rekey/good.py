"""Runs many commands with frequent new keys, as a policy wants it."""
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

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

def main():
    client = connect()
    transport = client.get_transport()

    def work(n):
        for k in range(20):
            stdin, out, _ = client.exec_command("head -c 20000 /dev/zero", timeout=20)
            if len(out.read()) != 20000:
                return False
            out.channel.close()
        return True

    with ThreadPoolExecutor(4) as pool:
        fine = list(pool.map(work, range(4)))
    client.close()
    print(fine)
    return 0 if all(fine) else 1

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
