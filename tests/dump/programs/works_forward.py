# stock
# ruff: noqa

import socket

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401


def serve(chan):
    while True:
        d = chan.recv(100)
        if not d:
            return
        chan.sendall(d)


def handler(chan, o, s):
    threading.Thread(target=serve, args=(chan,)).start()


c = dial()
p = c.get_transport().request_port_forward("127.0.0.1", 0, handler)
s = socket.create_connection(("127.0.0.1", p))
s.sendall(b"hi")
print(s.recv(10))
s.recv(10)
