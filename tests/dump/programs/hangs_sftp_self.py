# shared-sftp-client stock
# ruff: noqa

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401


class Store:
    def __init__(self):
        self.sftp = dial().open_sftp()

    def size(self, p):
        return self.sftp.stat(p).st_size  # HANG


s = Store()


def loop():
    for i in range(3000):
        s.size("/etc/passwd")


ts = [threading.Thread(target=loop) for i in range(6)]
[t.start() for t in ts]
[t.join() for t in ts]
