"""A test suite against a server."""
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import paramiko

HOST = os.environ["CASE_HOST"]
PORT = int(os.environ["CASE_PORT"])
USER = os.environ["CASE_USER"]
KEY = os.environ["CASE_KEY"]


def connect():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(HOST, port=PORT, username=USER, key_filename=KEY, allow_agent=False, look_for_keys=False)
    return client

import pytest


@pytest.fixture(scope="session")
def client():
    with connect() as made:
        yield made


@pytest.fixture
def sftp(client):
    return threading.local()


def size(client, sftp, path):
    with client.open_sftp() as own:
        return own.stat(path).st_size


def test_hostname(client):
    stdin, out, _ = client.exec_command("hostname", timeout=10)
    assert out.read()
    out.channel.close()


def test_sizes(client, sftp):
    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(size, client, sftp, p) for p in ("/etc/passwd", "/etc/group", "/etc/hosts")]
        assert all(f.result(timeout=8) for f in futures)


def main():
    return pytest.main(["-q", "-p", "no:cacheprovider", "-o", "addopts=", __file__])

if __name__ == "__main__":
    watchdog = threading.Timer(50, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
