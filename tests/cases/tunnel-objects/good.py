"""Two reverse tunnels, web and metrics, each to a service of its own."""
import os
import socket
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

class Tunnels:
    def __init__(self, transport):
        self.transport = transport
        self.services = {}

    def start(self, service):
        port = self.transport.request_port_forward("127.0.0.1", 0, handler=self._accepted)
        self.services[port] = service
        return port

    def _accepted(self, channel, origin, server):
        threading.Thread(target=self._serve, args=(channel, self.services[server[1]]), daemon=True).start()

    def _serve(self, channel, service):
        with channel:
            channel.settimeout(30)
            channel.sendall(service.encode())


def ask(port):
    with socket.create_connection(("127.0.0.1", port), 30) as s:
        s.settimeout(30)
        return s.recv(100).decode()


def main():
    with connect() as client:
        tunnels = Tunnels(client.get_transport())
        ports = {service: tunnels.start(service) for service in ("web", "metrics")}
        wrong = 0
        for service, port in ports.items():
            answer = ask(port)
            print(service, "answered", answer)
            wrong += answer != service
    return 1 if wrong else 0


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
