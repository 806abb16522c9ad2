"""Restart services of a machine, wait until all are through, say so."""
import concurrent.futures
import os
import sys
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]
SERVICES = ("web", "mail", "queue", "search")
restarted = []


def dial(address=HOST):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(address, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client


class RestartFailed(Exception):
    pass


def restart(client, service):
    stdin, out, _ = client.exec_command(f"test {service} != mail", timeout=5)
    if out.channel.recv_exit_status():
        raise RestartFailed(service)
    out.channel.close()
    restarted.append(service)


def main():
    with dial() as client:
        with concurrent.futures.ThreadPoolExecutor(max_workers=4) as executor:
            futures = [executor.submit(restart, client, service) for service in SERVICES]
            concurrent.futures.wait(futures)
        failed = [f.exception() for f in futures if f.exception()]
        print("not restarted:", *failed)
    return 0 if len(restarted) + len(failed) == len(SERVICES) else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
