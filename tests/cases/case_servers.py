"""The servers that the cases of this folder talk to, by the name of the profile that their case.json gives.

The names are those of ../shared/cases: `stock` and `roomy` are OpenSSH, the others are the lab's.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from openssh import running_sshd
from paramedic.lab import Manners, Server, lab

MANY = ("MaxSessions 200", "MaxStartups 200")
OPENSSH = {
    "stock": ((), ("127.0.0.1",)),
    "roomy": (MANY, tuple(f"127.0.0.{n}" for n in range(1, 10))),
    "rekey": ((*MANY, "RekeyLimit 256K"), ("127.0.0.1",)),
}
LAB = {
    "blackhole": Manners(silent_after_s=2),
    "mute": Manners(mute=True),
    "kbdint": Manners(keyboard_interactive=True, answer="123456"),
    "fast": Manners(fast=True, close_after_eof=True),
}


class Servers:
    """Starts a server when a case first asks for it, and stops all of them in the end.

    Args:
        folder: an empty folder, for keys and logs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = contextlib.ExitStack()
        self._running: dict[str, Server] = {}

    def __getitem__(self, profile: str) -> Server:
        if profile not in self._running:
            self._running[profile] = self._stack.enter_context(self._started(profile))
        return self._running[profile]

    def _started(self, profile: str) -> contextlib.AbstractContextManager[Server]:
        if profile in LAB:
            return lab(LAB[profile])
        options, addresses = OPENSSH[profile]
        folder = self._folder / profile
        folder.mkdir()
        return running_sshd(folder, *options, addresses=addresses)

    def close(self) -> None:
        """Stops them."""
        self._stack.close()
