# callback-blocks-transport,lock-order-inversion kbdint
# ruff: noqa

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401


class Login:
    def __init__(self):
        self.lock = threading.Lock()

    def answer(self, title, instr, prompts):
        with self.lock:  # HANG
            return ["123456"]

    def connect(self):
        import socket

        t = paramiko.Transport(socket.create_connection((HOST, PORT)))
        t.start_client()
        with self.lock:
            t.auth_interactive(USER, self.answer)


Login().connect()
