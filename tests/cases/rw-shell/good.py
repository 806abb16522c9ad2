"""A terminal session: the main thread types, a reader thread collects what the shell says."""
import os
import queue
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

class Terminal:
    def __init__(self, client):
        self.shell = client.invoke_shell(term="dumb")
        self.shell.settimeout(8)
        self.lines = queue.SimpleQueue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        pending = ""
        while data := self.shell.recv(1024):
            *whole, pending = (pending + data.decode(errors="replace")).split("\n")
            for line in whole:
                self.lines.put(line.strip())
        self.lines.put(None)

    def type(self, text):
        self.shell.sendall(text + "\n")

    def expect(self, text):
        while (line := self.lines.get(timeout=8)) is not None:
            if line == text:
                return True
        return False


def main():
    client = connect()
    terminal = Terminal(client)
    seen = []
    for n in range(5):
        terminal.type(f"echo answer-$(({n}*2))")
        seen.append(terminal.expect(f"answer-{n * 2}"))
    terminal.type("exit")
    terminal.reader.join(8)
    client.close()
    return 0 if all(seen) else 1


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
