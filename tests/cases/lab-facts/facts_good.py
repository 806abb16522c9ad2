"""Facts of the lab machine, gathered once."""
import os
import threading

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]

def shell(command):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, PORT, USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    try:
        _, stdout, _ = client.exec_command(command, timeout=5)
        return stdout.read().decode().strip()
    finally:
        client.close()


def gather(name, command):
    text = shell(command)
    globals()[name] = text


KERNEL = HOSTNAME = ""


def load():
    crew = [
        threading.Thread(target=gather, args=("KERNEL", "uname -r")),
        threading.Thread(target=gather, args=("HOSTNAME", "uname -n")),
    ]
    for t in crew:
        t.start()
    for t in crew:
        t.join()
