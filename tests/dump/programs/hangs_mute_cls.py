# wait-without-timeout mute
# ruff: noqa

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401


class D:
    def __init__(self):
        self.c = dial()

    def show(self):
        return self.c.exec_command("show", timeout=5)[1].read()  # HANG


D().show()
