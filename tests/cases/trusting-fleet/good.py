"""Deploys to hosts that are known."""
import os
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

import paramiko

HOSTS = ["127.0.0.2", "127.0.0.3", "127.0.0.4"]


def deploy(host, known):
    with paramiko.SSHClient() as client:
        client.load_host_keys(known)
        client.connect(host, int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], timeout=10,
                       key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
        stdin, out, _ = client.exec_command("echo deployed", timeout=10)
        answer = out.read().decode().strip()
        out.channel.close()
        return answer


def main():
    known = os.path.join(tempfile.mkdtemp(), "known_hosts")
    with open(known, "w") as f:
        for host in HOSTS:
            f.write(subprocess.run(["ssh-keyscan", "-p", os.environ["CASE_PORT"], "-t", "ed25519", host], check=True,
                                   capture_output=True, text=True).stdout)
    with ThreadPoolExecutor(3) as pool:
        print(list(pool.map(lambda host: deploy(host, known), HOSTS)))
    return 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
