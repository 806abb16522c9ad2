"""Drive a shell on a device, and keep a record of the session in a file."""
import io
import os
import sys
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]
ROUNDS = 40


def dial(address=HOST):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(address, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client


class Driver:
    def __init__(self, shell, record):
        self.shell = shell
        self.record = record
        self.recording = True

    def ask(self, command, end):
        self.shell.sendall(command.encode() + b"\n")
        said = b""
        while end not in said:
            block = self.shell.recv(4096)
            if not block:
                break
            said += block
            self.record.write(block)
        return said

    def close(self):
        self.recording = False
        self.shell.close()


def main():
    client = dial()
    shell = client.get_transport().open_session()
    shell.settimeout(2)
    shell.invoke_shell()
    driver = Driver(shell, io.BytesIO())
    right = 0
    try:
        for n in range(ROUNDS):
            right += b"answer %d end" % n in driver.ask(f"echo answer {n} end", b"end")
    except TimeoutError as problem:
        print("no answer:", problem)
    driver.close()
    client.close()
    print(right, "of", ROUNDS)
    return 0 if right == ROUNDS else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
