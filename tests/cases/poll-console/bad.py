"""Watch the output of a remote job with poll(), its errors with a thread."""
import os
import select
import sys
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]
JOB = "i=0; while [ $i -lt 4000 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done"


def dial(address=HOST):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(address, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client


def errors(channel, got):
    while block := channel.recv_stderr(200):
        got.append(block)


def output(channel, got):
    poller = select.poll()
    poller.register(channel, select.POLLIN)
    while True:
        poller.poll()
        block = channel.recv(200)
        if not block:
            return
        got.append(block)


def main():
    right = 0
    with dial() as client:
        for _ in range(6):
            channel = client.get_transport().open_session()
            channel.exec_command(JOB)
            out, err = [], []
            helper = threading.Thread(target=errors, args=(channel, err))
            helper.start()
            output(channel, out)
            helper.join()
            channel.close()
            right += b"".join(out).count(b"\n") == b"".join(err).count(b"\n") == 4000
    print(right, "of 6")
    return 0 if right == 6 else 1


if __name__ == "__main__":
    guard = threading.Timer(20, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
