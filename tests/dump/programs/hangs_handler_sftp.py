# call-on-transport-thread stock
# ruff: noqa

import socket

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401


class Fwd:
    def __init__(self):
        self.c = dial()
        self.sftp = self.c.open_sftp()

    def accept(self, chan, o, s):
        self.note()

    def note(self):
        self.sftp.stat("/etc")  # HANG


f = Fwd()
p = f.c.get_transport().request_port_forward("127.0.0.1", 0, f.accept)
s = socket.create_connection(("127.0.0.1", p))
s.recv(10)
