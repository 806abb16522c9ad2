# undrained-output-while-writing stock
# ruff: noqa

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401


class Filter:
    def __init__(self):
        self.ch = dial().get_transport().open_session()
        self.ch.exec_command("cat")

    def feed(self, data):
        self.ch.sendall(data)  # HANG

    def drain(self):
        return self.ch.recv(10)


def main():
    f = Filter()
    f.feed(b"x" * 30000000)
    print(f.drain())


main()
