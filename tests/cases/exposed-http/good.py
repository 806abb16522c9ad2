"""Expose a little HTTP service of this machine on the bastion."""
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

class Exposed:
    """Answers one request for each connection."""

    def __init__(self, transport, name):
        self.name = name
        self.served = 0
        self.port = transport.request_port_forward("", 0, self.on_connection)

    def on_connection(self, channel, origin, server):
        threading.Thread(target=self.answer, args=(channel,), daemon=True).start()

    def answer(self, channel):
        channel.settimeout(5)
        request = b""
        while b"\r\n\r\n" not in request:
            data = channel.recv(1024)
            if not data:
                break
            request += data
        self.served += 1
        channel.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello from " + self.name.encode())
        channel.close()


def get(port):
    with socket.create_connection(("127.0.0.1", port), 4) as conn:
        conn.settimeout(6)
        conn.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b""
        while data := conn.recv(1024):
            answer += data
        return answer


def main():
    client = connect()
    exposed = Exposed(client.get_transport(), "laptop")
    try:
        answer = get(exposed.port)
    except OSError as exc:
        print("no answer:", exc)
        return 1
    client.close()
    print(answer[-20:])
    return 0


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
