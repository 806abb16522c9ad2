"""Opens reverse tunnels on demand, from whichever thread wants one; ports are the server's choice."""
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import paramiko


class Gateway:
    def __init__(self, transport):
        self._transport = transport
        self._ports = {}
        self._mutex = threading.Lock()

    def publish(self, service):
        with self._mutex:
            port = self._transport.request_port_forward("127.0.0.1", 0)
            self._ports[service] = port
        return port

    def withdraw(self, service):
        with self._mutex:
            port = self._ports.pop(service)
            self._transport.cancel_port_forward("127.0.0.1", port)


def main():
    transport = paramiko.Transport((os.environ["CASE_HOST"], int(os.environ["CASE_PORT"])))
    transport.connect(username=os.environ["CASE_USER"], pkey=paramiko.Ed25519Key(filename=os.environ["CASE_KEY"]))
    gateway = Gateway(transport)
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(gateway.publish, "service %d" % n) for n in range(16)]
    ports = []
    for f in futures:
        try:
            ports.append(f.result())
        except paramiko.SSHException as error:
            print(type(error).__name__, error)
    transport.close()
    print(ports)
    return 0 if len(set(ports)) == 16 and 0 not in ports else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
