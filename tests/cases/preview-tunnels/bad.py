"""Show previews of two branches to colleagues, each at a port of the gateway."""
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
requests = threading.Lock()


def dial(address=HOST):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(address, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client


def serve(branch, visitors):
    while (channel := visitors.get()) is not None:
        channel.sendall(branch.encode() + b"\n")
        channel.close()


def preview(branch, link, ports, ended):
    visitors = queue.Queue()
    server = threading.Thread(target=serve, args=(branch, visitors))
    server.start()
    with requests:
        port = link.request_port_forward("127.0.0.1", 0, lambda channel, *_: visitors.put(channel))
    ports[branch] = port
    ended.wait()
    with requests:
        link.cancel_port_forward("127.0.0.1", port)
    visitors.put(None)
    server.join()


def main():
    client = dial()
    links = [client.get_transport()] * 2
    ports, ended = {}, threading.Event()
    previews = [threading.Thread(target=preview, args=(b, link, ports, ended)) for b, link in zip(("blue", "green"), links)]
    for t in previews:
        t.start()
    while len(ports) < 2:
        threading.Event().wait(0.02)
    seen = {}
    for branch, port in ports.items():
        with socket.create_connection(("127.0.0.1", port), 5) as visit:
            visit.settimeout(3)
            seen[branch] = visit.makefile().readline().strip()
    ended.set()
    for t in previews:
        t.join()
    client.close()
    print(seen)
    return 0 if all(b == s for b, s in seen.items()) else 1


if __name__ == "__main__":
    guard = threading.Timer(9, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
