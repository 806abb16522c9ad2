"""A registry of reverse tunnels."""
import os
import sys
import threading
import queue
import socket
import time

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

class Registry:
    def __init__(self, transport):
        self.transport = transport
        self.lock = threading.Lock()
        self.served = 0
        self.ports = []

    def on_tunnel(self, channel, origin, server):
        with self.lock:
            self.served += 1
        channel.close()

    def add(self):
        with self.lock:
            port = self.transport.request_port_forward("127.0.0.1", 0, self.on_tunnel)
            self.ports.append(port)
            if len(self.ports) > 1:
                knock(self.ports[0])
                self.transport.open_session(timeout=3).close()
            return port


def knock(port):
    socket.create_connection(("127.0.0.1", port), 5).close()


def main():
    with connect() as client:
        registry = Registry(client.get_transport())
        registry.add()
        registry.add()
        time.sleep(0.5)
        print(registry.ports)
    return 0

if __name__ == "__main__":
    watchdog = threading.Timer(12, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
