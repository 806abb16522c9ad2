"""Watches a remote drop folder: lists it every half second."""
import os
import sys
import threading
import time

import paramiko


class DropFolder(threading.Thread):
    def __init__(self, path):
        super().__init__(name="drop folder")
        self.path = path
        self.looks = 0
        self.trouble = None

    def connect(self):
        self.transport = paramiko.Transport((os.environ["CASE_HOST"], int(os.environ["CASE_PORT"])))
        self.transport.connect(username=os.environ["CASE_USER"], pkey=paramiko.Ed25519Key(filename=os.environ["CASE_KEY"]))
        self.sftp = paramiko.SFTPClient.from_transport(self.transport)
        self.sftp.get_channel().settimeout(3)

    def run(self):
        try:
            self.connect()
            while self.looks < 10:
                self.sftp.listdir(self.path)
                self.looks += 1
                time.sleep(0.5)
        except Exception as error:
            self.trouble = error
            self.transport.close()


def main():
    watch = DropFolder("/tmp")
    watch.start()
    watch.join()
    print(watch.looks, "looks", repr(watch.trouble))
    return 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
