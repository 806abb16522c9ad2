"""The read loop of many a tutorial."""
import os
import sys
import threading
import time

import paramiko

ssh = paramiko.SSHClient()


def run(command):
    output = b""
    channel = ssh.get_transport().open_session()
    channel.exec_command(command)
    while data := channel.recv(32768):
        output += data
    status = channel.recv_exit_status()
    channel.close()
    return status, output


def main():
    ssh.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    ssh.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"],
                key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    short = 0
    for lines in (10, 1000, 20000):
        status, output = run("seq %d" % lines)
        got = output.count(b"\n")
        print("wanted %d lines, got %d, status %d" % (lines, got, status))
        short += got != lines
    ssh.close()
    return 1 if short else 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
