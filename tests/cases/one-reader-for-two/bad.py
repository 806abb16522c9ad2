"""Run a build and collect both of its streams with an executor."""
import os
import sys
import threading
from concurrent import futures

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]

BUILD = "i=0; while [ $i -lt 40000 ]; do echo 'warning: the variable is never used, line '$i': int unused_variable_with_a_long_name;' >&2; i=$((i+1)); done; echo built"


class Builder:
    def __init__(self):
        self.client = paramiko.SSHClient()
        self.client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        self.client.connect(HOST, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
        self.readers = futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="reader")

    def build(self):
        stdin, stdout, stderr = self.client.exec_command(BUILD)
        stdin.close()
        out = self.readers.submit(stdout.read)
        err = self.readers.submit(stderr.read)
        futures.wait([out, err])
        return out.result(), err.result(), stdout.channel.recv_exit_status()

    def close(self):
        self.readers.shutdown()
        self.client.close()


def main():
    builder = Builder()
    out, err, status = builder.build()
    print(out.decode().strip(), len(err), status)
    builder.close()
    return status


if __name__ == "__main__":
    guard = threading.Timer(14, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
