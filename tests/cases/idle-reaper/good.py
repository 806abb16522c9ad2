"""A cache of connections; a janitor closes those that were not asked for in a while."""
import os
import sys
import threading
import time

import paramiko


class Cache:
    IDLE = 0.6

    def __init__(self):
        self._lock = threading.Lock()
        self._entries = {}
        self._users = {}

    def _dial(self):
        ssh = paramiko.SSHClient()
        ssh.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        ssh.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"],
                    key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
        return ssh

    def get(self, name):
        with self._lock:
            if name not in self._entries:
                self._entries[name] = [self._dial(), 0.0]
            self._entries[name][1] = time.monotonic()
            self._users[name] = self._users.get(name, 0) + 1
            return self._entries[name][0]

    def put(self, name):
        with self._lock:
            self._users[name] -= 1
            self._entries.get(name, [None, 0])[1] = time.monotonic()

    def sweep(self):
        with self._lock:
            for name, (ssh, last) in list(self._entries.items()):
                if not self._users.get(name) and time.monotonic() - last > self.IDLE:
                    del self._entries[name]
                    ssh.close()


def janitor(cache, stop):
    while not stop.wait(0.2):
        cache.sweep()


def work(cache, failed):
    ssh = cache.get("db")
    try:
        stdin, out, _ = ssh.exec_command("sleep 1.5; echo finished", timeout=8)
        text, status = out.read(), out.channel.recv_exit_status()
        out.channel.close()
        if status or text != b"finished\n":
            failed.append((text, status))
    finally:
        cache.put("db")


def main():
    cache, stop, failed = Cache(), threading.Event(), []
    threading.Thread(target=janitor, args=(cache, stop), name="janitor", daemon=True).start()
    worker = threading.Thread(target=work, args=(cache, failed), name="worker")
    worker.start()
    worker.join()
    time.sleep(1.1)
    stop.set()
    print("failed:", failed)
    return 1 if failed else 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
