"""A queue of two clients; a copy takes one for the source and one for the target."""
import os
import queue
import sys
import threading
import time

import paramiko

HOST, PORT = os.environ["CASE_HOST"], int(os.environ["CASE_PORT"])
USER, KEY = os.environ["CASE_USER"], os.environ["CASE_KEY"]


class Clients:
    def __init__(self, size):
        self.free = queue.LifoQueue()
        self.pairs = threading.Lock()
        for _ in range(size):
            c = paramiko.SSHClient()
            c.set_missing_host_key_policy(paramiko.AutoAddPolicy())
            c.connect(HOST, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
            self.free.put(c)


def write(target, data):
    stdin, out, _ = target.exec_command("cat > /dev/null", timeout=5)
    stdin.write(data)
    stdin.close()
    out.channel.recv_exit_status()


def copy(clients, after):
    time.sleep(after)
    with clients.pairs:
        source = clients.free.get()
        target = clients.free.get()
    try:
        data = source.exec_command("cat /etc/hostname", timeout=5)[1].read()
        write(target, data)
    finally:
        clients.free.put(target)
        clients.free.put(source)


def main():
    clients = Clients(2)
    copies = [threading.Thread(target=copy, args=(clients, 0.7 * n), daemon=True) for n in range(2)]
    for c in copies:
        c.start()
    for c in copies:
        c.join(8)
    stuck = sum(c.is_alive() for c in copies)
    while not clients.free.empty():
        clients.free.get().close()
    return 1 if stuck else 0


if __name__ == "__main__":
    guard = threading.Timer(14, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
