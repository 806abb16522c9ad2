"""Who is logged in where."""
import os
from concurrent.futures import ThreadPoolExecutor

import paramiko

DOMAIN = "farm.example"
COMMANDS = ("id -un", "id -gn")


def ask(command):
    from labels_bad import label

    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(os.environ["CASE_HOST"], int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], timeout=10,
                   key_filename=os.environ["CASE_KEY"], allow_agent=False, look_for_keys=False)
    with client:
        _, out, _ = client.exec_command(command, timeout=5)
        return label(out.read().decode().strip())


with ThreadPoolExecutor(2) as pool:
    PEOPLE = list(pool.map(ask, COMMANDS))
