# lock-order-inversion stock
# ruff: noqa


from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401


class Node:
    def __init__(self, name):
        self.name = name
        self.client = dial()
        self.guard = threading.Lock()

    def run(self, c):
        return self.client.exec_command(c)[1].read()


def sync(a, b):
    with a.guard:
        a.run("sleep 0.3")
        with b.guard:  # HANG
            b.run("true")


x, y = Node("x"), Node("y")
ts = [threading.Thread(target=sync, args=p) for p in ((x, y), (y, x))]
[t.start() for t in ts]
[t.join() for t in ts]
