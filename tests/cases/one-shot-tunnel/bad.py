"""A tunnel for one visitor: it is taken down as soon as somebody has come."""
import os
import queue
import socket
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


class OneShot:
    def __init__(self, transport):
        self.transport = transport
        self.visitors = queue.SimpleQueue()
        self.port = transport.request_port_forward("127.0.0.1", 0, self.arrived)

    def arrived(self, channel, origin, server):
        self.transport.cancel_port_forward("127.0.0.1", self.port)
        self.visitors.put(channel)

    def visitor(self):
        channel = self.visitors.get()
        return channel


def main():
    with dial() as client:
        tunnel = OneShot(client.get_transport())
        with socket.create_connection(("127.0.0.1", tunnel.port), 5) as visitor:
            channel = tunnel.visitor()
            channel.sendall(b"welcome\n")
            channel.close()
            said = visitor.makefile().readline()
    print("visitor read", said)
    return 0 if said == "welcome\n" else 1


if __name__ == "__main__":
    guard = threading.Timer(9, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
