"""Logs in with a one-time password that a token service delivers through a queue."""
import os
import queue
import sys
import threading
import time

import paramiko


class TokenService(threading.Thread):
    """Delivers a code for each login that has been registered as open."""

    def __init__(self):
        super().__init__(daemon=True, name="token service")
        self.wanted = threading.Event()
        self.codes = queue.Queue()

    def run(self):
        while True:
            self.wanted.wait()
            self.wanted.clear()
            time.sleep(0.1)
            self.codes.put("123456")


def login(service):
    transport = paramiko.Transport((os.environ["CASE_HOST"], int(os.environ["CASE_PORT"])))
    transport.auth_timeout = 6
    transport.start_client(timeout=5)

    service.wanted.set()
    code = service.codes.get(timeout=5)

    def answer(title, instructions, prompts):
        return [code for _ in prompts]

    try:
        transport.auth_interactive(os.environ["CASE_USER"], answer)
        return transport.is_authenticated()
    finally:
        transport.close()


def main():
    service = TokenService()
    service.start()
    try:
        ok = login(service)
    except paramiko.SSHException as error:
        print(type(error).__name__, error, flush=True)
        os._exit(1)
    print("logged in:", ok)
    return 0 if ok else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
