# exit-status-before-output stock
# ruff: noqa

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401


class Job:
    def __init__(self, client, cmd):
        self.chan = client.get_transport().open_session()
        self.chan.exec_command(cmd)

    def finish(self):
        return self.chan.recv_exit_status()  # HANG

    def output(self):
        return self.chan.recv(100)


def main():
    job = Job(dial(), "head -c 9000000 /dev/zero")
    code = job.finish()
    print(code, job.output())


main()
