"""An actor: requests go through a queue, answers come back as futures."""
import os
import queue
import sys
import threading
from concurrent.futures import Future

import paramiko


def dial():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], timeout=30,
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    return client



class SftpActor(threading.Thread):
    def __init__(self):
        super().__init__(name="sftp actor", daemon=True)
        self.inbox = queue.SimpleQueue()

    def run(self):
        client = dial()
        sftp = client.open_sftp()
        while (request := self.inbox.get()) is not None:
            future, method, args = request
            try:
                future.set_result(getattr(sftp, method)(*args))
            except Exception as error:
                future.set_exception(error)
        client.close()

    def call(self, method, *args):
        future = Future()
        self.inbox.put((future, method, args))
        return future.result(30)

    def stop(self):
        self.inbox.put(None)
        self.join()


def user(actor, got):
    for _ in range(10):
        got.append(actor.call("stat", "/etc/passwd").st_size)


def main():
    actor, got = SftpActor(), []
    actor.start()
    users = [threading.Thread(target=user, args=(actor, got)) for _ in range(4)]
    for u in users:
        u.start()
    for u in users:
        u.join()
    try:
        actor.call("stat", "/no/such/file")
    except FileNotFoundError:
        got.append(0)
    actor.stop()
    return 0 if len(got) == 41 else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
