# stock
# ruff: noqa

import socket
import time

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401

c = dial()
L = socket.create_server(("127.0.0.1", 0))


def a():
    L.accept()


def b():
    time.sleep(15)


ts = [threading.Thread(target=f) for f in (a, b)]
[t.start() for t in ts]
[t.join() for t in ts]
