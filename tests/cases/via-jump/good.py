"""Reaches an inner host through a bastion."""
import os
import sys
import threading
import contextlib

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

@contextlib.contextmanager
def inner_host():
    with contextlib.ExitStack() as stack:
        jump = stack.enter_context(connect())
        sock = jump.get_transport().open_channel("direct-tcpip", (HOST, PORT), ("127.0.0.1", 0))
        inner = paramiko.SSHClient()
        inner.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        inner.connect(HOST, sock=sock, username=USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
        yield inner
        inner.close()


def main():
    with inner_host() as host:
        try:
            stdin, out, _ = host.exec_command("echo inside", timeout=10)
            text = out.read()
            out.channel.close()
        except Exception as exc:
            text = repr(exc)
    print(text)
    return 0 if text == b"inside\n" else 1

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
