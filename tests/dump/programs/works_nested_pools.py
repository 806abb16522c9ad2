# roomy
# ruff: noqa

from concurrent.futures import ThreadPoolExecutor

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401

hosts = ThreadPoolExecutor(2)
cmds = ThreadPoolExecutor(4)


def host(n):
    c = dial()
    return [f.result() for f in [cmds.submit(lambda: c.exec_command("sleep 4")[1].read()) for _ in range(2)]]


print(list(hosts.map(host, range(4))))
