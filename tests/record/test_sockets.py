"""Connections over sockets that are not TCP's: what a test of the program's own has, and what it makes itself."""

from __future__ import annotations

import pytest
from twice import Run

PAIR = """
import socket, threading, paramiko

class Server(paramiko.ServerInterface):
    def check_channel_request(self, kind, number):
        return paramiko.OPEN_SUCCEEDED
    def check_auth_password(self, user, password):
        return paramiko.AUTH_SUCCESSFUL

class Like:
    def __init__(self, sock):
        self.sock = sock
    def getsockopt(self, one):
        raise LookupError(one)
    def __getattr__(self, name):
        return getattr(self.sock, name)

key = paramiko.ECDSAKey.generate()
mine, theirs = socket.socketpair()
server = paramiko.Transport(theirs)
server.add_server_key(key)
server.start_server(threading.Event(), Server())
client = paramiko.Transport(MINE)
client.connect(hostkey=key, username="kim", password="x")
channel = client.open_session(timeout=10)
print(channel.get_id(), server.accept(10).get_id())
client.close()
server.close()
"""


@pytest.mark.parametrize("mine", ["mine", "Like(mine)"])
def test_a_socket_that_is_not_tcps_is_no_trouble(mine: str, recorded: Run) -> None:
    done = recorded("-c", PAIR.replace("MINE", mine))
    assert done.out == "0 0\n", done.err
    assert done.gaps() == []
