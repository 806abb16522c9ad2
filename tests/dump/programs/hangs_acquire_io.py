# lock-held-across-io stock
# ruff: noqa

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401


class Box:
    def __init__(self):
        self._mutex = threading.Lock()
        self.c = dial()

    def slow(self):
        self._mutex.acquire()
        try:
            return self.c.exec_command("sleep 30")[1].read()  # HANG
        finally:
            self._mutex.release()

    def quick(self):
        with self._mutex:
            return 1


b = Box()
ts = [threading.Thread(target=f) for f in (b.slow, b.quick, b.quick, b.quick)]
[t.start() for t in ts]
[t.join() for t in ts]
