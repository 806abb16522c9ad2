"""Dials many hosts; each thread has its own client and loads the company's known_hosts."""
import os
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import paramiko

KNOWN = os.path.join(tempfile.mkdtemp(), "known_hosts")


def make_known_hosts():
    blob = paramiko.Ed25519Key(filename=os.environ["CASE_KEY"]).get_base64()
    with open(KNOWN, "w") as f:
        for n in range(18):
            f.write("host%d.example ssh-ed25519 %s\n" % (n, blob))


def dial(host):
    with paramiko.SSHClient() as client:
        client.load_host_keys(KNOWN)
        client.set_missing_host_key_policy(paramiko.RejectPolicy if False else paramiko.WarningPolicy)
        client.connect(host, int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], timeout=15, banner_timeout=30, auth_timeout=30,
                       key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
        return client.exec_command("echo hi", timeout=10)[1].read()


def main():
    make_known_hosts()
    began = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(dial, ["127.0.0.%d" % n for n in range(2, 8)]))
    print(answers, "%.1f s" % (time.monotonic() - began))
    return 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
