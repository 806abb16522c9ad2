"""An agent that says hello to its server and becomes a daemon."""
import os
import sys
import threading
import time

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


def daemonise():
    """The parent gets the read end of a pipe, the daemon its write end."""
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        os.wait()
        return reading, None
    os.setsid()
    if os.fork():
        os._exit(0)
    os.close(reading)
    return None, writing


def hello(client):
    stdin, out, _ = client.exec_command("echo hello", timeout=6)
    answer = out.read().strip()
    out.channel.close()
    return answer


def main():
    with dial() as client:
        print(hello(client))
    sys.stdout.flush()
    reading, writing = daemonise()
    if reading is not None:
        with open(reading) as pipe:
            said = pipe.read()
        print("daemon:", said)
        return 0 if said == "work" else 1
    try:
        client = dial()
        stdin, out, _ = client.exec_command("echo work", timeout=6)
        os.write(writing, out.read().strip())
        out.channel.close()
    except Exception as problem:
        os.write(writing, type(problem).__name__.encode())
    os._exit(0)


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
