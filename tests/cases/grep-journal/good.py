"""Count what a big remote journal says about each unit, two machines at a time."""
import collections
import functools
import os
import sys
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]
JOURNAL = "yes 'unit7: started' | head -n 600000"


def dial(address=HOST):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(address, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client


def count(client, counts):
    stdin, out, _ = client.exec_command(JOURNAL, timeout=40)
    rest = b""
    for block in iter(functools.partial(out.channel.recv, 1 << 16), b""):
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            counts[line.partition(b":")[0].decode()] += 1
    out.channel.close()


def main():
    all_counts = [collections.Counter(), collections.Counter()]
    clients = [dial(), dial()]
    threads = [threading.Thread(target=count, args=each) for each in zip(clients, all_counts)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for client in clients:
        client.close()
    print(all_counts)
    return 0 if all(c == {"unit7": 600000} for c in all_counts) else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
