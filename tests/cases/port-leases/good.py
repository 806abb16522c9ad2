"""Lease ports on the gateway for several test beds at the same time."""
import os
import sys
import threading

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

class PortLeaser:
    def __init__(self, client):
        self.transport = client.get_transport()
        self.leases = {}
        self.asking = threading.Lock()

    def lease(self, bed):
        with self.asking:
            port = self.transport.request_port_forward("127.0.0.1", 0)
        self.leases[bed] = port

    def release(self, bed):
        with self.asking:
            self.transport.cancel_port_forward("127.0.0.1", self.leases.pop(bed))


def main():
    client = connect()
    leaser = PortLeaser(client)
    errors = []

    def bed(name):
        try:
            for _ in range(6):
                leaser.lease(name)
                leaser.release(name)
            leaser.lease(name)
        except Exception as exc:
            errors.append(exc)

    beds = [threading.Thread(target=bed, args=(f"bed-{n}",), daemon=True) for n in range(6)]
    for b in beds:
        b.start()
    for b in beds:
        b.join(6)
    stuck = sum(b.is_alive() for b in beds)
    ports = list(leaser.leases.values())
    print(ports, len(errors), "errors", stuck, "stuck")
    if stuck:
        return 3
    client.close()
    return 0 if len(set(ports)) == 6 and 0 not in ports and not errors else 1


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
