"""A service object that connects on the first call, whoever makes it."""
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]

class Service:
    def __init__(self):
        self._client = None
        self._guard = threading.Lock()

    @property
    def client(self):
        client = self._client
        if client is None:
            with self._guard:
                client = self._client
                if client is None:
                    client = paramiko.SSHClient()
                    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
                    client.connect(HOST, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
                    self._client = client
        return client

    def ask(self, number):
        stdin, stdout, _ = self.client.exec_command(f"echo {number}", timeout=5)
        answer = int(stdout.read())
        stdout.channel.close()
        return answer

    def close(self):
        with self._guard:
            if self._client is not None:
                self._client.close()
                self._client = None


def main():
    service = Service()
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(service.ask, range(10)))
    service.close()
    return 0 if answers == list(range(10)) else 1


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
