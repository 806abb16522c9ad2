"""Deploys to hosts with whatever key they show."""
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import paramiko


class TrustAll(paramiko.MissingHostKeyPolicy):
    def missing_host_key(self, client, hostname, key):
        return


def deploy(host):
    with paramiko.SSHClient() as client:
        client.set_missing_host_key_policy(TrustAll())
        client.connect(host, int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], timeout=10,
                       key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
        _, out, _ = client.exec_command("echo deployed", timeout=10)
        return out.read().decode().strip()


def main():
    with ThreadPoolExecutor(3) as pool:
        print(list(pool.map(deploy, ["127.0.0.2", "127.0.0.3", "127.0.0.4"])))
    return 1


if __name__ == "__main__":
    guard = threading.Timer(20, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
