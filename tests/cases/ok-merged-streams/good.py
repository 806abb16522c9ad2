"""Keeps everything a build says, in one stream."""
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



def main():
    client = dial()
    channel = client.get_transport().open_session()
    channel.set_combine_stderr(True)
    channel.exec_command("head -c 3000000 /dev/zero >&2; head -c 3000000 /dev/zero")
    with channel.makefile("rb") as stream:
        size = len(stream.read())
    status = channel.recv_exit_status()
    stdin, out, _ = client.exec_command("(head -c 3000000 /dev/zero >&2; echo end) 2>&1 | wc -c", timeout=20)
    count = int(out.read())
    out.channel.close()
    client.close()
    print(size, status, count)
    return 0 if (size, status, count) == (6_000_000, 0, 3_000_004) else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
