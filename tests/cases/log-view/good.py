"""Show what the log says while a deployment runs, then end."""
import atexit
import os
import sys
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

def show(stream):
    for line in stream:
        print("log:", line.rstrip(), flush=True)


def main():
    client = connect()
    atexit.register(client.close)
    stdin, stdout, _ = client.exec_command("echo begin; tail -f /dev/null")
    threading.Thread(target=show, args=(stdout,), name="log-view", daemon=True).start()
    stdout.channel.close()
    stdin, result, _ = client.exec_command("sleep 0.5; echo deployed", timeout=5)
    print(result.read().decode().strip(), flush=True)
    result.channel.close()
    return 0


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
