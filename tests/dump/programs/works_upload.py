# stock
# ruff: noqa

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401

i, o, e = dial().exec_command("while read -r -N 100000 x; do sleep 0.02; done; echo done")
i.write(b"x" * 40000000)
i.close()
print(o.read())
