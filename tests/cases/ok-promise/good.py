"""Threads fetch files over one connection, and fulfil futures that the program made itself: no executor is there."""
import os
import sys
import threading
from concurrent.futures import Future

import paramiko


def dial():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], timeout=10,
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    return client


def fetch(client, path, future):
    try:
        with client.open_sftp() as sftp:
            sftp.get_channel().settimeout(30)
            with sftp.open(path) as file:
                data = file.read()
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(data)


def main():
    client = dial()
    futures = []
    for path in ("/etc/passwd", "/etc/group", "/etc/passwd", "/etc/group"):
        future = Future()
        threading.Thread(target=fetch, args=(client, path, future)).start()
        futures.append(future)
    texts = [future.result() for future in futures]
    client.close()
    return 0 if all(texts) else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
