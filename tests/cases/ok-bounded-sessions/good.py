"""A decorator bounds the sessions of a connection."""
import functools
import os
import sys
import threading

import paramiko


def dial():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], timeout=10,
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    return client



def at_most(n):
    gate = threading.BoundedSemaphore(n)

    def wrap(function):
        @functools.wraps(function)
        def call(*args):
            with gate:
                return function(*args)
        return call
    return wrap


@at_most(5)
def run(client, number, answers):
    stdin, out, err = client.exec_command("echo %d" % number, timeout=10)
    answers[number] = out.read()
    out.channel.close()


def main():
    client, answers = dial(), {}
    threads = [threading.Thread(target=run, args=(client, n, answers)) for n in range(30)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    client.close()
    return 0 if answers == {n: b"%d\n" % n for n in range(30)} else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
