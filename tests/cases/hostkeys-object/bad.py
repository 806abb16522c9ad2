"""Collects host keys from several hosts into one file."""
import os
import sys
import threading
import tempfile

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

def learn(number, path):
    transport = paramiko.Transport((f"127.0.0.{number}", PORT))
    try:
        transport.start_client(timeout=20)
        key = transport.get_remote_server_key()
    finally:
        transport.close()
    add(number, key, path)


LOCK = threading.Lock()


def add(number, key, path):
    keys = paramiko.HostKeys(path)
    keys.add(f"[127.0.0.{number}]:{PORT}", key.get_name(), key)
    keys.save(path)


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "known_hosts")
        open(path, "w").close()
        crew = [threading.Thread(target=learn, args=(n, path)) for n in range(2, 9)]
        for t in crew:
            t.start()
        for t in crew:
            t.join()
        known = len(paramiko.HostKeys(path).keys())
    print(known)
    return 0 if known == 7 else 1

if __name__ == "__main__":
    watchdog = threading.Timer(40, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
