"""A client for each worker, in a list that main closes."""
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


clients, guard_ = [], threading.Lock()


class Worker(threading.Thread):
    def run(self):
        client = dial()
        with guard_:
            clients.append(client)
        sftp = client.open_sftp()
        for _ in range(10):
            sftp.stat("/etc/passwd")
        self.answer = client.exec_command("echo ok", timeout=10)[1].read()


def main():
    workers = [Worker() for _ in range(5)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    for client in clients:
        client.close()
    return 0 if all(w.answer == b"ok\n" for w in workers) else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
