"""Follows a dozen remote logs at once, one thread each, over one connection."""
import os
import sys
import threading

import paramiko

LOGS = ["/var/log/app%d.log" % n for n in range(13)]
PER_CONNECTION = 8


class Tail(threading.Thread):
    def __init__(self, client, path):
        super().__init__(name=path, daemon=True)
        self.client, self.path = client, path
        self.lines, self.error = [], None

    def run(self):
        try:
            channel = self.client.get_transport().open_session()
            channel.exec_command("echo following %s; sleep 4" % self.path)
            with channel.makefile("r") as stream:
                for line in stream:
                    self.lines.append(line)
            channel.close()
        except paramiko.SSHException as error:
            self.error = error


def dial():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"],
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    return client


def main():
    clients = [dial() for _ in range(0, len(LOGS), PER_CONNECTION)]
    tails = [Tail(clients[n // PER_CONNECTION], path) for n, path in enumerate(LOGS)]
    for tail in tails:
        tail.start()
    for tail in tails:
        tail.join()
    for client in clients:
        client.close()
    deaf = [(t.path, repr(t.error)) for t in tails if not t.lines]
    print(deaf)
    return 1 if deaf else 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
