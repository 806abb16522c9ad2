# signal-handler-reenters stock
# ruff: noqa

import signal

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401


class Up:
    def __init__(self):
        self.i, self.o, _ = dial().exec_command("cat >/dev/null")
        self.busy = False
        signal.signal(signal.SIGALRM, self.tick)
        signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)

    def tick(self, s, f):
        if not self.busy:
            self.busy = True
            self.i.channel.send(b"tick")  # HANG
            self.busy = False

    def go(self):
        while True:
            self.i.channel.send(b"data")


Up().go()
