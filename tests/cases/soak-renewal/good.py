"""Long soak test: many short commands while the keys are renewed every now and then for hygiene."""
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

def soak(client, rounds):
    done = 0
    for _ in range(rounds):
        stdin, stdout, _ = client.exec_command("echo x", timeout=20)
        done += stdout.read() == b"x\n"
        stdout.channel.close()
        stdin.close()
    return done


def main():
    client = connect()
    with ThreadPoolExecutor(5) as pool:
        futures = [pool.submit(soak, client, 12) for _ in range(5)]
        done = 0
        for future in futures:
            try:
                done += future.result()
            except Exception as exc:
                print(type(exc).__name__, exc)
    client.close()
    return 0 if done == 60 else 1


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
