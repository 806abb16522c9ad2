# prefetch-stall stock
# ruff: noqa

import tempfile

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401


class Peek:
    def __init__(self):
        self.s = dial().open_sftp()

    def head(self, p):
        f = self.s.open(p, "rb")
        f.prefetch()
        return f.read(10)

    def where(self):
        return self.s.normalize(".")  # HANG


d = tempfile.mkdtemp()
p = d + "/big"
with open(p, "wb") as f:
    f.truncate(20 << 30)
k = Peek()
k.head(p)
threading.Event().wait(1.5)
k.where()
