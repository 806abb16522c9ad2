# shared-channel stock
# ruff: noqa

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401


class Shell:
    def __init__(self):
        self.ch = dial().invoke_shell()

    def pump(self):
        while True:
            self.ch.recv(100)  # HANG


s = Shell()
ts = [threading.Thread(target=s.pump, name="pump%d" % i) for i in range(2)]
[t.start() for t in ts]
[t.join() for t in ts]
