# forked-connection stock
# ruff: noqa

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401

c = dial()
pid = os.fork()
if pid == 0:
    print(c.exec_command("echo x")[1].read())  # HANG
    os._exit(0)
os.waitpid(pid, 0)
