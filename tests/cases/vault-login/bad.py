"""Logs in with one-time passwords from a vault, which lets one user in at a time."""
import os
import sys
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]


class Vault:
    def __init__(self):
        self.gate = threading.Lock()
        self.taken = 0

    def code(self):
        with self.gate:
            self.taken += 1
            return "123456"


vault = Vault()


def log_in():
    transport = paramiko.Transport((HOST, PORT))
    transport.auth_timeout = 5
    transport.start_client(timeout=10)
    with vault.gate:
        transport.auth_interactive(USER, lambda title, text, prompts: [vault.code() for _ in prompts])
    return transport


def main():
    try:
        transport = log_in()
    except paramiko.AuthenticationException as problem:
        print(problem)
        return 1
    print("in:", transport.is_authenticated())
    transport.close()
    return 0


if __name__ == "__main__":
    guard = threading.Timer(9, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
