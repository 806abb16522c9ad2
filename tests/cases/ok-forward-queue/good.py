"""A reverse tunnel, served by a worker thread."""
import os
import queue
import socket
import sys
import threading

import paramiko


def dial():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], timeout=10,
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    return client



def serve(channels):
    while (channel := channels.get()) is not None:
        with channel:
            request = channel.recv(100)
            channel.sendall(b"you said " + request)


def main():
    client = dial()
    channels = queue.Queue()
    server = threading.Thread(target=serve, args=(channels,), name="server")
    server.start()
    transport = client.get_transport()
    port = transport.request_port_forward("127.0.0.1", 0, lambda channel, origin, server: channels.put(channel))
    answers = []
    for n in range(3):
        with socket.create_connection(("127.0.0.1", port), 5) as s:
            s.settimeout(5)
            s.sendall(b"hello %d" % n)
            answers.append(s.recv(100))
    transport.cancel_port_forward("127.0.0.1", port)
    channels.put(None)
    server.join()
    client.close()
    return 0 if answers == [b"you said hello %d" % n for n in range(3)] else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
