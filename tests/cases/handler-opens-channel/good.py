"""A reverse tunnel that relays every visitor to a service behind the SSH server."""
import os
import socket
import sys
import threading

import paramiko


def pump(a, b):
    while data := a.recv(4096):
        b.sendall(data)
    b.close()


class Relay:
    def __init__(self, transport, service):
        self.transport, self.service = transport, service
        self.port = transport.request_port_forward("127.0.0.1", 0, handler=self.visitor)

    def visitor(self, channel, origin, server):
        threading.Thread(target=self.connect, args=(channel, origin), name="relay", daemon=True).start()

    def connect(self, channel, origin):
        inner = self.transport.open_channel("direct-tcpip", self.service, origin)
        for pair in ((channel, inner), (inner, channel)):
            threading.Thread(target=pump, args=pair, daemon=True).start()


def main():
    service = socket.create_server(("127.0.0.1", 0))

    def serve():
        conn, _ = service.accept()
        conn.sendall(b"hello from behind\n")
        conn.close()

    threading.Thread(target=serve, daemon=True).start()
    transport = paramiko.Transport((os.environ["CASE_HOST"], int(os.environ["CASE_PORT"])))
    transport.connect(username=os.environ["CASE_USER"], pkey=paramiko.Ed25519Key(filename=os.environ["CASE_KEY"]))
    relay = Relay(transport, service.getsockname())
    with socket.create_connection(("127.0.0.1", relay.port)) as visitor:
        text = visitor.recv(100)
    transport.close()
    print(text)
    return 0 if text == b"hello from behind\n" else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
