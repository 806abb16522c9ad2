"""Rotate certificates on a few machines."""
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]

def keys_of(addresses):
    known = {}
    for address in addresses:
        transport = paramiko.Transport((address, PORT))
        transport.start_client(timeout=5)
        key = transport.get_remote_server_key()
        known[address] = (f"[{address}]:{PORT}", key.get_name(), key)
        transport.close()
    return known


def rotate(address, policy, known):
    client = paramiko.SSHClient()
    if known:
        client.get_host_keys().add(*known[address])
    client.set_missing_host_key_policy(policy)
    with client:
        client.connect(address, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
        stdin, stdout, _ = client.exec_command("echo rotated", timeout=5)
        answer = stdout.read()
        stdout.channel.close()
        return answer


def main():
    addresses = [f"127.0.0.{n}" for n in (1, 2, 3)]
    with ThreadPoolExecutor(3) as pool:
        known = keys_of(addresses)
        answers = list(pool.map(lambda a: rotate(a, paramiko.RejectPolicy(), known), addresses))
    print(answers)
    return 0


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
