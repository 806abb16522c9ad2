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

class Tunnel:
    def __init__(self, transport, service):
        self.transport = transport
        self.service = service
        self.port = None

    def start(self):
        self.port = self.transport.request_port_forward("127.0.0.1", 0, handler=self._accepted)
        return self.port

    def _accepted(self, channel, origin, server):
        threading.Thread(target=self._serve, args=(channel,), daemon=True).start()

    def _serve(self, channel):
        with channel:
            channel.settimeout(5)
            channel.sendall(self.service.encode())


def ask(port):
    with socket.create_connection(("127.0.0.1", port), 5) as s:
        s.settimeout(5)
        return s.recv(100).decode()


def main():
    with connect() as client:
        tunnels = [Tunnel(client.get_transport(), service) for service in ("web", "metrics")]
        for tunnel in tunnels:
            tunnel.start()
        wrong = 0
        for tunnel in tunnels:
            answer = ask(tunnel.port)
            print(tunnel.service, "answered", answer)
            wrong += answer != tunnel.service
    return 1 if wrong else 0


if __name__ == "__main__":
    watchdog = threading.Timer(9, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
