"""How to reach a running lab: the value that ``lab()`` yields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where a running lab is and how to log in. It is a value: the lab lives as long as the ``with`` block of `lab`.

    Attributes:
        host: first address that it listens on.
        hosts: all addresses that it listens on.
        port: TCP port, the same on each address.
        user: name to log in as; commands run as the user who started the lab whatever the name is.
        key_file: private key to log in with (OpenSSH format, no passphrase, mode 0600).
        known_hosts_file: host key of each address, as ``ssh`` and `paramiko.HostKeys.load` read it.
        home: folder in which commands and relative SFTP paths start; goes with the lab.
        log_file: what the server had to say about itself.
        answer: answer to the keyboard-interactive question (and the password); "" where logins are by key.
        pid: process id of the server.
    """

    host: str
    hosts: tuple[str, ...]
    port: int
    user: str
    key_file: str
    known_hosts_file: str
    home: str
    log_file: str
    answer: str
    pid: int

    def connect_kwargs(self, host: str | None = None) -> dict[str, Any]:
        """Keyword arguments for `paramiko.SSHClient.connect`.

        Neither the agent nor the user's own keys are tried: each would cost the server a login attempt.

        Args:
            host: one of `hosts`; the first where not given.

        Threads: pure.
        """
        secret: dict[str, Any] = {"password": self.answer} if self.answer else {"key_filename": self.key_file}
        return {
            "hostname": host or self.host,
            "port": self.port,
            "username": self.user,
            "allow_agent": False,
            "look_for_keys": False,
            **secret,
        }

    def ssh_command(self, *command: str) -> list[str]:
        """Arguments that reach the lab with OpenSSH's ``ssh``, without reading the user's own configuration.

        Threads: pure.
        """
        options = [f"UserKnownHostsFile={self.known_hosts_file}", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes"]
        asked = [part for option in options for part in ("-o", option)]
        return [
            "ssh",
            "-F",
            "none",
            *asked,
            "-i",
            self.key_file,
            "-p",
            str(self.port),
            f"{self.user}@{self.host}",
            *command,
        ]
