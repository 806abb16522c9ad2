"""Open tunnels on a gateway, whose link is probed with real keepalive requests by a thread of ours."""
import os
import sys
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]


def dial(address=HOST):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(address, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client


class Gateway:
    def __init__(self):
        self.client = dial()
        self.link = self.client.get_transport()
        self.requests = threading.Lock()
        self.closing = threading.Event()
        self.alive = 0
        self.prober = threading.Thread(target=self.probe, name="prober")
        self.prober.start()

    def probe(self):
        while not self.closing.wait(0.002):
            with self.requests:
                self.link.global_request("keepalive@openssh.com", wait=True)
            self.alive += 1

    def tunnel(self):
        with self.requests:
            return self.link.request_port_forward("127.0.0.1", 0)

    def close(self):
        self.closing.set()
        self.prober.join()
        self.client.close()


def main():
    gateway = Gateway()
    ports, denied = set(), 0
    for _ in range(40):
        try:
            ports.add(gateway.tunnel())
        except paramiko.SSHException as problem:
            denied += 1
            print(problem)
    gateway.close()
    print(len(ports), "tunnels,", denied, "denied,", gateway.alive, "probes")
    return 0 if len(ports) == 40 else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
