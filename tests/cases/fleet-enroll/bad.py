"""Enroll a fleet: a process for each machine; its key goes into the fleet's known_hosts."""
import multiprocessing
import os
import sys
import tempfile
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]
FLEET = [f"127.0.0.{n}" for n in range(1, 9)]


def enroll(address, known, start, results):
    client = paramiko.SSHClient()
    client.load_host_keys(known)
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    start.wait()
    try:
        client.connect(address, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
        key = client.get_transport().get_remote_server_key()
        results.put((address, key.get_name(), key.get_base64()))
    finally:
        client.close()


def main():
    context = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as folder:
        known = os.path.join(folder, "fleet_known_hosts")
        open(known, "w").close()
        start, results = context.Barrier(len(FLEET)), context.Queue()
        children = [context.Process(target=enroll, args=(a, known, start, results)) for a in FLEET]
        for child in children:
            child.start()
        told = [results.get(timeout=20) for _ in children]
        for child in children:
            child.join()
        try:
            count = len(paramiko.HostKeys(known))
        except Exception as problem:
            print("broken:", problem)
            return 1
        print("known:", count, "answers:", len(told))
        return 0 if count == len(FLEET) else 1


if __name__ == "__main__":
    guard = threading.Timer(9, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
