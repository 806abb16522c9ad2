# lock-order-inversion stock
# ruff: noqa

from concurrent.futures import ThreadPoolExecutor

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401


class Svc:
    def __init__(self):
        self.state_lock = threading.Lock()
        self.c = dial()
        self.ex = ThreadPoolExecutor(2)

    def work(self):
        self.c.exec_command("sleep 0.5")[1].read()
        with self.state_lock:  # HANG
            return 1

    def go(self):
        with self.state_lock:
            return self.ex.submit(self.work).result()  # HANG


Svc().go()
