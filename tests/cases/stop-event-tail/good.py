"""Follow a remote log until SIGTERM says stop."""
import os
import signal
import sys
import threading
import time

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]
stop = threading.Event()


def connect():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, port=PORT, username=USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client

def follow(client, seen):
    channel = client.get_transport().open_session(timeout=5)
    channel.settimeout(0.2)
    channel.exec_command("i=0; while :; do echo line $i; i=$((i+1)); sleep 0.1; done")
    while not stop.is_set():
        try:
            data = channel.recv(1000)
        except TimeoutError:
            continue
        if not data:
            break
        seen.append(data)
    channel.close()


def main():
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    client, seen = connect(), []
    thread = threading.Thread(target=follow, args=(client, seen))
    thread.start()
    threading.Timer(3.0, os.kill, (os.getpid(), signal.SIGTERM)).start()
    thread.join()
    client.close()
    return 0 if seen else 1


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
