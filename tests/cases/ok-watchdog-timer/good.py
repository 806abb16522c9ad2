"""Runs commands, each with a deadline: a timer closes the channel when it is over."""
import os
import sys
import threading

import paramiko


def dial():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], timeout=10,
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    return client



class Deadline:
    def __init__(self, channel, seconds):
        self.timer = threading.Timer(seconds, channel.close)
        self.timer.daemon = True

    def __enter__(self):
        self.timer.start()

    def __exit__(self, *exc):
        self.timer.cancel()


def run(client, command, seconds=8):
    channel = client.get_transport().open_session()
    with Deadline(channel, seconds):
        channel.set_combine_stderr(True)
        channel.exec_command(command)
        output = b""
        while data := channel.recv(4096):
            output += data
        status = channel.recv_exit_status()
    channel.close()
    return output, status


def main():
    client = dial()
    results = [run(client, "echo %d; sleep 0.1; exit %d" % (n, n)) for n in range(4)]
    late = run(client, "echo begun; sleep 30", seconds=1)
    client.close()
    print(results, late)
    return 0 if results == [(b"%d\n" % n, n) for n in range(4)] and late == (b"begun\n", -1) else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
