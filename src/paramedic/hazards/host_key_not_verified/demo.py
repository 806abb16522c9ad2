"""Proof of ``host-key-not-verified``: the two lines that every recipe has, and what they accept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS: dict[str, object] = {}


def bad(server: DemoServer) -> None:
    """Whatever key comes is believed, today's and tomorrow's: anyone in the middle can be the server."""
    with paramiko.SSHClient() as client:
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect(**server.connect_kwargs(), timeout=10)
        print(f"logged in; keys that were known before: 0, and {_key(client)} was believed")


def good(server: DemoServer) -> None:
    """Known keys are loaded, and the default policy refuses the rest."""
    with paramiko.SSHClient() as stranger:
        try:
            stranger.connect(**server.connect_kwargs(), timeout=10)
        except paramiko.SSHException as error:
            print(f"without known keys: {error}")
    with paramiko.SSHClient() as client:
        client.load_host_keys(server.known_hosts_file)
        client.connect(**server.connect_kwargs(), timeout=10)
        print(f"logged in; {_key(client)} is the key that we know")


def _key(client: paramiko.SSHClient) -> str:
    transport = client.get_transport()
    assert transport is not None
    return str(transport.get_remote_server_key().get_name())
