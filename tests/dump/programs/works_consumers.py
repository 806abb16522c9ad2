# stock
# ruff: noqa

import queue

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401

q = queue.Queue()
c = dial()


def worker():
    while True:
        job = q.get()
        if job is None:
            return
        c.exec_command(job)[1].read()
        q.task_done()


ts = [threading.Thread(target=worker) for _ in range(4)]
[t.start() for t in ts]
for _ in range(4):
    q.put("true")
[t.join(20) for t in ts]
