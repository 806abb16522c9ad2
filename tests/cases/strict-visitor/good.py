"""Visit hosts with strict host keys: each task has a client of its own."""
import os
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]

def make_known_hosts(path):
    transport = paramiko.Transport((HOST, PORT))
    transport.start_client(timeout=5)
    key = transport.get_remote_server_key()
    transport.close()
    with open(path, "w") as f:
        for n in range(1500):
            f.write(f"host{n}.example.net {key.get_name()} {key.get_base64()}\n")
        for n in range(1, 9):
            f.write(f"[127.0.0.{n}]:{PORT} {key.get_name()} {key.get_base64()}\n")


class Visitor:
    def __init__(self, known):
        self.known = paramiko.HostKeys(known)

    def __call__(self, address):
        client = paramiko.SSHClient()
        for name in (address, f"[{address}]:{PORT}"):
            for kind, key in (self.known.lookup(name) or {}).items():
                client.get_host_keys().add(name, kind, key)
        with client:
            client.connect(address, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
            stdin, stdout, _ = client.exec_command("true", timeout=5)
            answer = stdout.channel.recv_exit_status()
            stdout.channel.close()
            return answer


def main():
    with tempfile.TemporaryDirectory() as folder:
        known = os.path.join(folder, "known_hosts")
        make_known_hosts(known)
        with ThreadPoolExecutor(4) as pool:
            print(list(pool.map(Visitor(known), [f"127.0.0.{n}" for n in range(1, 9)])))
    return 0


if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
