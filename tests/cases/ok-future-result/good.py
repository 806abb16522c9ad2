"""Dials in a pool, works in another pool, closes in main; clients go along as results of futures."""
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed

import paramiko


def dial():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], timeout=10,
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    return client



def work(client):
    stdin, out, _ = client.exec_command("echo fine", timeout=10)
    answer = client, out.read()
    out.channel.close()
    return answer


def main():
    with ThreadPoolExecutor(3) as dialers, ThreadPoolExecutor(2) as workers:
        dialed = [dialers.submit(dial) for _ in range(4)]
        jobs = [workers.submit(work, f.result()) for f in as_completed(dialed)]
        results = [j.result() for j in jobs]
    for client, _ in results:
        client.close()
    return 0 if all(text == b"fine\n" for _, text in results) else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
