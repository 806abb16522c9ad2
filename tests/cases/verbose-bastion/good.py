"""Reach machines behind a bastion through a relay command that logs what it does."""
import os
import sys
import tempfile
import textwrap
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]
RELAY = textwrap.dedent("""
    import os, select, socket, sys
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
    while True:
        r, _, _ = select.select([0, s], [], [])
        if 0 in r:
            d = os.read(0, 4096)
            if not d: break
            s.sendall(d)
            LOG_OUT
        if s in r:
            d = s.recv(4096)
            if not d: break
            os.write(1, d)
            LOG_IN
""")
VERBOSE = RELAY.replace("LOG_OUT", "os.write(2, b'debug1: sent %d bytes' % len(d) + b'.' * 300 + bytes([10]))").replace(
    "LOG_IN", "os.write(2, b'debug1: received %d bytes' % len(d) + b'.' * 300 + bytes([10]))")
QUIET = RELAY.replace("LOG_OUT", "pass").replace("LOG_IN", "pass")


def through(relay):
    with open(os.path.join(tempfile.mkdtemp(), "relay.py"), "w") as script:
        script.write(relay)
    proxy = paramiko.ProxyCommand(f"{sys.executable} {script.name} {HOST} {PORT}")
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False, sock=proxy)
    return client, proxy


def main():
    client, proxy = through(QUIET)
    for n in range(200):
        stdin, stdout, _ = client.exec_command(f"echo {n}; head -c 2000 /dev/zero")
        stdout.read()
        stdout.channel.close()
    client.close()
    proxy.process.wait(5)
    for pipe in (proxy.process.stdin, proxy.process.stdout, proxy.process.stderr):
        pipe.close()
    return 0


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
