"""Greets whoever comes through a tunnel with the host's name."""
import os
import sys
import threading
import socket

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

class Greeter:
    def __init__(self, client):
        self.client = client
        self.seen = threading.Event()

    def name(self):
        stdin, out, _ = self.client.exec_command("hostname", timeout=4)
        answer = out.read()
        out.channel.close()
        return answer

    def visit(self, channel, origin, server):
        threading.Thread(target=self.greet, args=(channel,), daemon=True).start()

    def greet(self, channel):
        try:
            channel.sendall(b"hello from " + self.name())
        finally:
            channel.close()
            self.seen.set()


def main():
    with connect() as client:
        greeter = Greeter(client)
        port = client.get_transport().request_port_forward("127.0.0.1", 0, greeter.visit)
        with socket.create_connection(("127.0.0.1", port), 5) as s:
            s.settimeout(8)
            try:
                text = s.recv(100)
            except OSError:
                text = b""
        greeter.seen.wait(10)
    print(text)
    return 0 if text.startswith(b"hello") else 1

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
