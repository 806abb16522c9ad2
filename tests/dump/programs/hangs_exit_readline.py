# exit-blocked stock
# ruff: noqa

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401


class Tail(threading.Thread):
    def __init__(self, c):
        super().__init__()
        self.c = c

    def run(self):
        f = self.c.exec_command("tail -f /etc/hostname")[1]
        while f.readline():  # HANG
            pass


def main():
    c = dial()
    Tail(c).start()


main()
