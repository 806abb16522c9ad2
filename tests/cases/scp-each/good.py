"""Copy files with scp, a few at a time, over one connection."""
import io
import os
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

import paramiko
from scp import SCPClient

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]

def connect():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, port=PORT, username=USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client

def copy(transport, target, number):
    with SCPClient(transport, socket_timeout=8) as scp:
        scp.putfo(io.BytesIO(b"%d" % number * 1000), f"{target}/{number}")


def main():
    with connect() as client, tempfile.TemporaryDirectory() as target:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda n: copy(client.get_transport(), target, n), range(8)))
        names = sorted(os.listdir(target))
    return 0 if len(names) == 8 else 1


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
