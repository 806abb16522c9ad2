"""What a hazard's proof (``demo.py``) may ask of the server that it talks to."""

from __future__ import annotations

from typing import Any, Protocol


class DemoServer(Protocol):
    """The part of the lab's `Server` that demos use, so that a demo imports nothing of ours at run time.

    Any SSH server will do that runs commands and serves SFTP for a key on loopback; ``paramedic demo`` gives the lab's.
    """

    @property
    def hosts(self) -> tuple[str, ...]:
        """The addresses at which it listens."""

    @property
    def known_hosts_file(self) -> str:
        """The host keys of these addresses, for `paramiko.SSHClient.load_host_keys`."""

    @property
    def home(self) -> str:
        """The folder in which commands and relative SFTP paths start; this side may write there too."""

    def connect_kwargs(self, host: str | None = None) -> dict[str, Any]:
        """Keyword arguments for `paramiko.SSHClient.connect`, for one of `hosts` (the first where not given).

        Threads: pure.
        """
