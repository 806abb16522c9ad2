"""Pipes chunks of work into remote jobs; a supervisor ends a job when its deadline comes."""
import contextlib
import os
import sys
import threading

import paramiko


@contextlib.contextmanager
def session():
    ssh = paramiko.SSHClient()
    ssh.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    ssh.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"],
                key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    try:
        yield ssh
    finally:
        ssh.close()


class Job:
    def __init__(self, ssh, number):
        self.channel = ssh.get_transport().open_session(timeout=5)
        self.channel.exec_command("cat >/dev/null")
        self.number = number
        self.sent = threading.Event()

    def feed(self):
        self.channel.sendall(b"work\n" * 100)
        self.channel.shutdown_write()
        self.sent.set()

    def supervise(self):
        self.sent.wait()
        self.channel.close()


def main():
    with session() as ssh:
        for number in range(40):
            try:
                job = Job(ssh, number)
            except (paramiko.SSHException, EOFError) as error:
                print("job", number, type(error).__name__, error)
                return 1
            feeder = threading.Thread(target=job.feed, name="feeder")
            supervisor = threading.Thread(target=job.supervise, name="supervisor")
            supervisor.start()
            feeder.start()
            feeder.join()
            supervisor.join()
    return 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
