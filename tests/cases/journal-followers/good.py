"""Follow the journals of all services of a machine over one connection."""
import os
import sys
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]

SERVICES = ["web", "api", "worker", "mail", "cron", "db", "cache", "auth", "search", "queue", "proxy", "billing", "sms"]


class Slots:
    """At most so many sessions at a time, counted under a condition."""

    def __init__(self, count):
        self.free = count
        self.change = threading.Condition()

    def __enter__(self):
        with self.change:
            self.change.wait_for(lambda: self.free > 0)
            self.free -= 1

    def __exit__(self, *problem):
        with self.change:
            self.free += 1
            self.change.notify()


class Follower(threading.Thread):
    def __init__(self, transport, service, slots):
        super().__init__(name="follow-" + service)
        self.transport = transport
        self.service = service
        self.slots = slots
        self.lines = []
        self.error = None

    def run(self):
        try:
            with self.slots:
                channel = self.transport.open_session(timeout=10)
                channel.settimeout(10)
                channel.exec_command("for i in 1 2 3; do echo %s $i; sleep 0.5; done" % self.service)
                with channel.makefile() as lines:
                    for line in lines:
                        self.lines.append(line.strip())
                channel.close()
        except Exception as problem:
            self.error = problem


def main():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, port=PORT, username=USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    slots = Slots(7)
    followers = [Follower(client.get_transport(), name, slots) for name in SERVICES]
    for follower in followers:
        follower.start()
    for follower in followers:
        follower.join()
    client.close()
    broken = [f for f in followers if f.error]
    for follower in broken:
        print(follower.service, "is not followed:", follower.error)
    return 1 if broken else 0


if __name__ == "__main__":
    guard = threading.Timer(18, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
