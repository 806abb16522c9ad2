"""A crawler that descends within its own pool."""
import os
import sys
import threading
from multiprocessing.pool import ThreadPool

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

class Crawler:
    def __init__(self, client):
        self.client = client
        self.pool = ThreadPool(2)
        self.inner = ThreadPool(2)

    def names(self, path):
        stdin, out, _ = self.client.exec_command(f"ls -d {path}/* | head -2", timeout=10)
        answer = out.read().decode().split()
        out.channel.close()
        return answer

    def visit(self, path):
        children = self.names(path)
        return [path, *self.inner.map(self.names, children)]


def main():
    with connect() as client:
        crawler = Crawler(client)
        print(crawler.pool.map(crawler.visit, ["/etc", "/usr", "/var"]))
        crawler.pool.close()
        crawler.pool.join()
    return 0

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
