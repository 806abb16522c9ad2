# roomy
# ruff: noqa

import queue

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401

pool = queue.LifoQueue()
for _ in range(2):
    pool.put(dial())


def job(n):
    c = pool.get()
    try:
        return c.exec_command("sleep 5")[1].read()
    finally:
        pool.put(c)


from concurrent.futures import ThreadPoolExecutor

with ThreadPoolExecutor(6) as ex:
    list(ex.map(job, range(12)))
