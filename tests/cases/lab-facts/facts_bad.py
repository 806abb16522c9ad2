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
    import facts_bad

    setattr(facts_bad, name, text)


KERNEL = HOSTNAME = ""
_crew = [
    threading.Thread(target=gather, args=("KERNEL", "uname -r")),
    threading.Thread(target=gather, args=("HOSTNAME", "uname -n")),
]
for _t in _crew:
    _t.start()
for _t in _crew:
    _t.join()
