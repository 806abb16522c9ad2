"""Log to a file on another machine: a queue, one thread that writes, and none of paramiko's own records."""
import logging
import logging.handlers
import os
import pathlib
import queue
import sys
import tempfile
import threading

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


class RemoteFile(logging.Handler):
    def __init__(self, handle):
        super().__init__()
        self.remote = handle

    def emit(self, record):
        self.remote.write(self.format(record) + "\n")


def not_paramiko(record):
    return not record.name.startswith("paramiko")


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "app.log")
        client = dial()
        sftp = client.open_sftp()
        handle = sftp.open(path, "w")
        records = queue.SimpleQueue()
        front = logging.handlers.QueueHandler(records)
        front.addFilter(not_paramiko)
        logging.basicConfig(level=logging.DEBUG, handlers=[front])
        writer = logging.handlers.QueueListener(records, RemoteFile(handle))
        writer.start()

        def work(n):
            for step in range(20):
                logging.getLogger("app").info("worker %d step %d", n, step)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        writer.stop()
        handle.close()
        client.close()
        lines = pathlib.Path(path).read_text().splitlines()
    print(len(lines))
    return 0 if len(lines) == 80 else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
