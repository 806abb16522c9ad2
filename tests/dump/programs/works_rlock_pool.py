# stock
# ruff: noqa

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401


class S:
    def __init__(self):
        self.lock = threading.RLock()
        self.c = dial()

    def run(self):
        with self.lock:
            return self.c.exec_command("sleep 0.2")[1].read()


s = S()


def loop():
    for _ in range(20):
        s.run()


ts = [threading.Thread(target=loop) for _ in range(5)]
[t.start() for t in ts]
[t.join() for t in ts]
