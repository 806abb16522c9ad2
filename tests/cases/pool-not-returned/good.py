"""Checks services over a small pool of connections."""
import os
import queue
import sys
import threading

import paramiko


class Pool:
    def __init__(self, size):
        self._free = queue.Queue()
        self._all = []
        for _ in range(size):
            client = paramiko.SSHClient()
            client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
            client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"],
                           key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
            self._all.append(client)
            self._free.put(client)

    def borrow(self):
        return self._free.get()

    def give_back(self, client):
        self._free.put(client)

    def close(self):
        for client in self._all:
            client.close()


results = {}


def check(pool, service):
    client = pool.borrow()
    try:
        stdin, out, err = client.exec_command("test %s != broken && echo up" % service, timeout=10)
        text = out.read().decode().strip()
        out.channel.close()
        if text != "up":
            results[service] = "down"
            raise RuntimeError(service + " is down")
        results[service] = text
    finally:
        pool.give_back(client)


def main():
    threading.excepthook = lambda args: print(args.thread.name, args.exc_value)
    pool = Pool(2)
    services = ["web", "broken", "db", "broken", "mail", "dns"]
    threads = [threading.Thread(target=check, args=(pool, s), name="check %d" % n) for n, s in enumerate(services)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    pool.close()
    print(results)
    return 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
