"""Asks a host from greenlets."""
import os
import sys

from gevent import monkey

monkey.patch_all()

import threading

import gevent
import paramiko


def ask(n):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    try:
        client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], timeout=4, banner_timeout=4,
                       auth_timeout=4, key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
        stdin, out, _ = client.exec_command("sleep 0.5; echo %d" % n, timeout=6)
        answer = out.read()
        out.channel.close()
        return answer
    except Exception as error:
        return error
    finally:
        client.close()


def main():
    import time
    began = time.monotonic()
    jobs = [gevent.spawn(ask, n) for n in range(4)]
    gevent.joinall(jobs)
    took = time.monotonic() - began
    wrong = [job.value for job in jobs if not isinstance(job.value, bytes)]
    print("took %.1f s, wrong: %r" % (took, wrong))
    return 1 if wrong or took > 1.9 else 0


if __name__ == "__main__":
    def watch(sleep):
        sleep(18)
        os._exit(3)
    monkey.get_original("_thread", "start_new_thread")(watch, (monkey.get_original("time", "sleep"),))
    sys.exit(main())
