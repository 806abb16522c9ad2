"""Start collectors in the background, then go on with other work on the same connection."""
import os
import sys
import tempfile
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

def start_collector(client, path):
    channel = client.get_transport().open_session()
    channel.get_pty()
    channel.exec_command(f"for i in 1 2 3 4 5 6 7 8 9 10; do echo $i >> {path}; sleep 0.1; done")
    return channel


def main():
    client = connect()
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, f"collect-{n}") for n in range(2)]
        running = [start_collector(client, path) for path in paths]
        for _ in range(6):
            stdin, stdout, _ = client.exec_command("date", timeout=5)
            stdout.read()
            stdout.channel.close()
            time.sleep(0.1)
        for channel in running:
            channel.settimeout(5)
            channel.recv_exit_status()
        counts = [len(open(p).readlines()) if os.path.exists(p) else 0 for p in paths]
    client.close()
    print("collected", counts)
    return 0 if counts == [10, 10] else 1


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
