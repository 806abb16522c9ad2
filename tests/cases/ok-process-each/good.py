"""Measure machines from a pool of processes, each with connections of its own."""
import concurrent.futures
import multiprocessing
import os
import sys
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]


def dial(address=HOST):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(address, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client


def measure(address):
    with dial(address) as client:
        stdin, out, _ = client.exec_command("echo 42", timeout=10)
        answer = address, int(out.read())
        out.channel.close()
        return answer


def main():
    context = multiprocessing.get_context("forkserver")
    addresses = [f"127.0.0.{n}" for n in range(1, 7)]
    with concurrent.futures.ProcessPoolExecutor(3, mp_context=context) as pool:
        found = dict(pool.map(measure, addresses))
    print(found)
    return 0 if found == dict.fromkeys(addresses, 42) else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
