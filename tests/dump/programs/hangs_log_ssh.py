# call-on-transport-thread rekey
# ruff: noqa

import logging

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401


class H(logging.StreamHandler):
    def __init__(self, ch):
        super().__init__()
        self.ch = ch

    def emit(self, r):
        self.ch.sendall(self.format(r).encode() + b"\n")  # HANG


c = dial()
ch = c.get_transport().open_session()
ch.exec_command("cat >/dev/null")
log = logging.getLogger("paramiko")
log.setLevel(10)
log.addHandler(H(ch))
for i in range(10):
    c.exec_command("head -c 200000 /dev/zero")[1].read()
