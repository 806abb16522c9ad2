"""A reverse tunnel whose visitors wait in a short queue."""
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

class Desk:
    def __init__(self, client):
        self.client = client
        self.line = queue.Queue(maxsize=1)
        self.served = []

    def arrive(self, channel, origin, server):
        try:
            self.line.put_nowait(channel)
        except queue.Full:
            channel.close()

    def serve(self):
        while (channel := self.line.get()) is not None:
            time.sleep(0.3)
            stdin, out, _ = self.client.exec_command("hostname", timeout=20)
            channel.sendall(out.read())
            out.channel.close()
            channel.close()
            self.served.append(1)


def main():
    with connect() as client:
        desk = Desk(client)
        port = client.get_transport().request_port_forward("127.0.0.1", 0, desk.arrive)
        clerk = threading.Thread(target=desk.serve, daemon=True)
        clerk.start()
        visitors = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(5)]
        for v in visitors:
            v.settimeout(10)
            v.recv(100)
        print(len(desk.served))
        desk.line.put(None)
        clerk.join()
    return 0

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
