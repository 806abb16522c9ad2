# undrained-stderr stock
# ruff: noqa

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401


class Builder:
    def __init__(self):
        self.c = dial()

    def _lines(self, f):
        for line in f:  # HANG
            yield line

    def build(self):
        _, self.out, self.err = self.c.exec_command("head -c 5000000 /dev/zero | tr '\\0' 'w' >&2; echo ok")
        text = "".join(self._lines(self.out))
        bad = "".join(self._lines(self.err))
        return text, bad


print(Builder().build())
