"""A select() loop over the output and the errors of one remote job."""
import os
import select
import sys
import threading

import paramiko

JOB = """i=0; while [ $i -lt 400 ]; do echo out$i; echo err$i >&2; i=$((i+1)); done"""


def drain(channel):
    out, err = b"", b""
    while not (channel.closed and not channel.recv_ready() and not channel.recv_stderr_ready()):
        select.select([channel], [], [], 0.1)
        if channel.recv_ready():
            out += channel.recv(4096)
        if channel.recv_stderr_ready():
            err += channel.recv_stderr(4096)
        if channel.eof_received and not channel.recv_ready() and not channel.recv_stderr_ready():
            break
    return out, err


def main():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"],
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    for turn in range(5):
        channel = client.get_transport().open_session()
        channel.exec_command(JOB)
        out, err = drain(channel)
        channel.close()
        if (out.count(b"\n"), err.count(b"\n")) != (400, 400):
            print("turn", turn, out.count(b"\n"), err.count(b"\n"))
            return 1
    client.close()
    return 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
