# stock
# ruff: noqa

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401

_, o, e = dial().exec_command("echo hi >&2; echo a; sleep 20; echo b")
print(o.read(), e.read(), o.channel.recv_exit_status())
