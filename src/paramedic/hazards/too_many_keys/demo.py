"""Proof of ``too-many-keys``: a worker offers every key of a folder, and the one that fits comes too late."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS = {"max_auth_tries": 6, "addresses": [f"127.0.0.{n}" for n in range(1, 6)]}  # 6 is OpenSSH's default
OTHERS = 6


def bad(server: DemoServer) -> None:
    """Six keys of other projects are tried first, as those of an agent would be; the server has enough after them."""
    with tempfile.TemporaryDirectory() as folder:
        others = [_new_key(Path(folder) / f"id_project_{n}") for n in range(OTHERS)]
        _greet_all(server, lambda wanted: [*others, wanted])


def good(server: DemoServer) -> None:
    """The key that is meant, and no other."""
    with tempfile.TemporaryDirectory() as folder:
        for n in range(OTHERS):
            _new_key(Path(folder) / f"id_project_{n}")
        _greet_all(server, lambda wanted: [wanted])


def _greet_all(server: DemoServer, keys: Callable[[str], list[str]]) -> None:
    errors: list[str] = []

    def greet(host: str) -> bool:
        arguments = server.connect_kwargs(host)  # with allow_agent=False and look_for_keys=False
        arguments["key_filename"] = keys(arguments["key_filename"])
        with paramiko.SSHClient() as client:
            client.load_host_keys(server.known_hosts_file)
            try:
                client.connect(**arguments, timeout=10)
            except paramiko.SSHException as error:
                errors.append(str(error))
                return False
            _, stdout, _ = client.exec_command("true", timeout=10)
            return bool(stdout.channel.recv_exit_status() == 0)

    with ThreadPoolExecutor(5) as pool:
        answers = sum(pool.map(greet, server.hosts))
    print(f"{answers} of {len(server.hosts)} hosts answer" + (f", {errors[0]}" if errors else ""))


def _new_key(file: Path) -> str:
    paramiko.ECDSAKey.generate(bits=256).write_private_key_file(str(file))
    return str(file)
