"""A loopback SSH server that can misbehave on purpose: for the demos, for our tests and for users' tests.

    with lab(Manners(max_sessions=2)) as server:
        client.load_host_keys(server.known_hosts_file)
        client.connect(**server.connect_kwargs())

It runs real commands and real SFTP in a process of its own, which ends with the program that started it. Importing this
package costs little: the server library is imported by that process alone.
"""

from __future__ import annotations

from paramedic.lab.manners import Manners
from paramedic.lab.process import lab
from paramedic.lab.server import Server
from paramedic.lab.trouble import LabError

__all__ = ["LabError", "Manners", "Server", "lab"]
