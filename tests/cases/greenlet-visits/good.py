from gevent import monkey

monkey.patch_all()
"""A crawler on gevent: greenlets visit the machines."""
import os
import sys
import threading

import gevent
import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]

def connect():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, port=PORT, username=USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client

def visit(number):
    client = connect()
    try:
        stdin, stdout, _ = client.exec_command(f"sleep 0.1; echo {number}", timeout=4)
        answer = stdout.read()
        stdout.channel.close()
        return answer
    finally:
        client.close()


def main():
    jobs = [gevent.spawn(visit, n) for n in range(4)]
    gevent.joinall(jobs, timeout=7)
    answers = [job.value for job in jobs]
    print(answers, [type(job.exception).__name__ for job in jobs])
    return 0 if all(answers) else 1


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)
