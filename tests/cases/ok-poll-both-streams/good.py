"""Reads 5 MB on both streams with one thread, and takes the status at the end."""
import os
import sys
import threading
import time

import paramiko


def dial():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], timeout=10,
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    return client



def run(client, command):
    channel = client.get_transport().open_session()
    channel.exec_command(command)
    out, err = bytearray(), bytearray()
    while True:
        idle = True
        while channel.recv_ready():
            out += channel.recv(65536)
            idle = False
        while channel.recv_stderr_ready():
            err += channel.recv_stderr(65536)
            idle = False
        if idle and channel.exit_status_ready() and channel.eof_received:
            if not channel.recv_ready() and not channel.recv_stderr_ready():
                break
        if idle:
            time.sleep(0.01)
    status = channel.recv_exit_status()
    channel.close()
    return len(out), len(err), status


def main():
    client = dial()
    got = run(client, "head -c 5000000 /dev/zero; head -c 5000000 /dev/zero >&2; exit 4")
    client.close()
    print(got)
    return 0 if got == (5_000_000, 5_000_000, 4) else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
