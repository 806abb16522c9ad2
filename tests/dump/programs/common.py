"""What the programs of this folder begin with. They are run by `capture.py` beside them and read by the tests."""

import os
import threading  # noqa: F401 (for the programs)
import warnings

import paramiko

warnings.simplefilter("ignore")

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]


def dial(port=None):
    c = paramiko.SSHClient()
    c.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    c.connect(HOST, port or PORT, USER, key_filename=KEY, timeout=10, allow_agent=False, look_for_keys=False)
    return c
