"""Runs small jobs on a link that drops now and then; a decorator reconnects and tries again."""
import functools
import logging
import os
import sys
import threading
import time

import paramiko

log = logging.getLogger("jobs")
ssh = None
lock = threading.Lock()


def dial():
    """A client that is connected; nobody else has it yet."""
    log.info("dialling")
    fresh = paramiko.SSHClient()
    fresh.set_missing_host_key_policy(paramiko.WarningPolicy())
    fresh.connect(
        os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"],
        key_filename=os.environ["CASE_KEY"], timeout=5, auth_timeout=5, banner_timeout=5,
        allow_agent=False, look_for_keys=False,
    )
    return fresh


def renew(broken):
    global ssh
    with lock:
        if ssh is broken:
            ssh = dial()


def reconnecting(tries=3):
    def wrap(function):
        @functools.wraps(function)
        def call(*args, **kwargs):
            for attempt in range(tries):
                used = ssh
                try:
                    return function(*args, **kwargs)
                except (paramiko.SSHException, EOFError, OSError, AttributeError) as error:
                    log.warning("%s: %s, reconnecting", type(error).__name__, error)
                    renew(used)
            raise RuntimeError("gave up after %d tries" % tries)
        return call
    return wrap


@reconnecting()
def run(command):
    stdin, stdout, _ = ssh.exec_command(command, timeout=6)
    answer = stdout.read().strip()
    stdout.channel.close()
    return answer


answers = {}


class Job(threading.Thread):
    def __init__(self, number):
        super().__init__(name="job-%d" % number)
        self.number = number

    def run(self):
        try:
            answers[self.number] = run("echo job %d" % self.number)
        except Exception as error:
            answers[self.number] = error


def main():
    logging.basicConfig(level=logging.INFO, format="%(threadName)s %(message)s")
    renew(None)
    # the server side of the connection dies (a firewall, an OOM killer, an upgrade)
    ssh.exec_command("kill -9 $PPID")
    time.sleep(0.5)
    jobs = [Job(n) for n in range(5)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    wrong = {n: a for n, a in answers.items() if a != b"job %d" % n}
    print("wrong:", wrong)
    alive = [t for t in threading.enumerate() if isinstance(t, paramiko.Transport) and t.is_active()]
    ssh.close()
    return 1 if wrong or len(alive) > 1 else 0


if __name__ == "__main__":
    threading.Thread(target=lambda: (time.sleep(28), os._exit(3)), daemon=True).start()
    sys.exit(main())
