"""At most two jobs at once, by a semaphore."""
import os
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

class Slots:
    def __init__(self, clients):
        self.free = threading.Semaphore(len(clients))
        self.clients = list(clients)
        self.lock = threading.Lock()

    def take(self):
        self.free.acquire()
        with self.lock:
            return self.clients.pop()

    def give(self, client):
        with self.lock:
            self.clients.append(client)
        self.free.release()


def job(slots, command, results):
    client = slots.take()
    try:
        stdin, out, _ = client.exec_command(command, timeout=5)
        text = out.read()
        if out.channel.recv_exit_status() != 0:
            results.append((command, None))
        else:
            results.append((command, text))
        out.channel.close()
    finally:
        slots.give(client)


def main():
    clients = [connect(), connect()]
    slots = Slots(clients)
    results = []
    threads = [threading.Thread(target=job, args=(slots, c, results)) for c in ("true", "false", "exit 3", "echo x", "true")]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for client in clients:
        client.close()
    print(results)
    return 0

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
