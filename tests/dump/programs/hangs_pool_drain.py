# pool-drained stock
# ruff: noqa

import queue

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401


class Pool:
    def __init__(self, n):
        self.free = queue.LifoQueue()
        for _ in range(n):
            self.free.put(dial())

    def borrow(self):
        return self.free.get()  # HANG

    def give(self, c):
        self.free.put(c)


pool = Pool(2)


def job(n):
    try:
        c = pool.borrow()
        if n % 2:
            raise ValueError(n)
        c.exec_command("true")[1].read()
        pool.give(c)
    except ValueError:
        pass


from concurrent.futures import ThreadPoolExecutor

with ThreadPoolExecutor(4) as ex:
    list(ex.map(job, range(20)))
