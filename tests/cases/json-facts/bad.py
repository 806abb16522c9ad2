"""Ask a facts script, which prints JSON, and warnings on the side."""
import json
import os
import sys
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]
FACTS = """seq -f "warning: module %g is old" 1 120000 >&2; echo '{"os": "linux"}'"""


def dial(address=HOST):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(address, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client


def facts(client, command):
    stdin, stdout, stderr = client.exec_command(command)
    stdin.close()
    found = json.load(stdout)
    warnings = sum(1 for _ in stderr)
    return found | {"warnings": warnings, "status": stdout.channel.recv_exit_status()}


def main():
    with dial() as client:
        found = facts(client, FACTS)
    print(found)
    return 0 if found == {"os": "linux", "warnings": 120000, "status": 0} else 1


if __name__ == "__main__":
    guard = threading.Timer(9, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
