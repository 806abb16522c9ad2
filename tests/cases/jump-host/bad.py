"""Reaches an inner host through a jump host."""
import os
import sys
import threading

import paramiko

PORT, USER, KEY = int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], os.environ["CASE_KEY"]


def new_client(address, sock=None):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(address, PORT, USER, key_filename=KEY, sock=sock, timeout=10, allow_agent=False, look_for_keys=False)
    return client


def through(jump_address, address):
    """A client for `address`, by way of `jump_address`."""
    with new_client(jump_address) as jump:
        tunnel = jump.get_transport().open_channel("direct-tcpip", (address, PORT), ("127.0.0.1", 0))
        return new_client(address, sock=tunnel)


def main():
    failed = []
    inner = through("127.0.0.2", "127.0.0.3")

    def check(name):
        try:
            stdin, out, _ = inner.exec_command("echo " + name, timeout=30)
            if out.read().decode().strip() != name:
                failed.append(name)
            out.channel.close()
        except Exception as error:
            failed.append(name)
            print(name, type(error).__name__, error)

    threads = [threading.Thread(target=check, args=(name,)) for name in ("disk", "load")]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    inner.close()
    return 1 if failed else 0


if __name__ == "__main__":
    guard = threading.Timer(20, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
