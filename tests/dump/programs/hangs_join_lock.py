# lock-order-inversion stock
# ruff: noqa

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401


class Svc:
    def __init__(self):
        self.state_lock = threading.Lock()
        self.c = dial()

    def work(self):
        self.c.exec_command("sleep 0.5")[1].read()
        with self.state_lock:  # HANG
            self.done = True

    def stop(self):
        with self.state_lock:
            self.t.join()  # HANG


s = Svc()
s.t = threading.Thread(target=s.work)
s.t.start()
s.stop()
