"""Facts about the hosts, for those who ask."""
import os
from concurrent.futures import ThreadPoolExecutor

import paramiko

HOST = os.environ["CASE_HOST"]
QUESTIONS = {"name": "hostname", "kernel": "uname -r"}


def ask(question):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, int(os.environ["CASE_PORT"]), os.environ["CASE_USER"], key_filename=os.environ["CASE_KEY"],
                   allow_agent=False, look_for_keys=False)
    try:
        return client.exec_command(question)[1].read().decode().strip()
    finally:
        client.close()


def facts():
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(QUESTIONS, pool.map(ask, QUESTIONS.values())))
