# pool-starvation roomy
# ruff: noqa

from concurrent.futures import ThreadPoolExecutor

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401

ex = ThreadPoolExecutor(4, thread_name_prefix="fleet")


def leaf(c):
    return c.exec_command("true")[1].read()


def host(n):
    c = dial()
    return list(ex.map(leaf, [c, c]))  # HANG


print(list(ex.map(host, range(8))))
