# callback-blocks-transport stock
# ruff: noqa

import queue
import socket

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401


class Fwd:
    def __init__(self):
        self.q = queue.Queue()
        self.c = dial()

    def accept(self, chan, o, s):
        item = self.q.get()  # HANG
        chan.send(item)


f = Fwd()
p = f.c.get_transport().request_port_forward("127.0.0.1", 0, f.accept)
s = socket.create_connection(("127.0.0.1", p))
print(f.c.exec_command("echo hi")[1].read())
