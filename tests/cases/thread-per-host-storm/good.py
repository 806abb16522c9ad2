"""Pings a list of services behind one gateway: a thread each, all at once."""
import os
import sys
import threading

import paramiko


class Ping(threading.Thread):
    gate = threading.BoundedSemaphore(5)

    def __init__(self, number):
        super().__init__(name="ping-%02d" % number)
        self.answer = None

    def run(self):
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        try:
            with self.gate:
                client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"],
                               key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False, banner_timeout=10)
            self.answer = client.exec_command("echo pong")[1].read()
        except (paramiko.SSHException, EOFError, OSError) as error:
            print(self.name, type(error).__name__, error)
        finally:
            client.close()


def main():
    pings = [Ping(n) for n in range(36)]
    for ping in pings:
        ping.start()
    for ping in pings:
        ping.join()
    lost = sum(ping.answer != b"pong\n" for ping in pings)
    print(lost, "lost")
    return 1 if lost else 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
