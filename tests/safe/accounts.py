"""Accounts on this machine for the length of a test."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hosts import Host

from openssh import running_sshd


@contextlib.contextmanager
def account(shell: str, twin_of: str | None = None) -> Iterator[dict[str, Any]]:
    """Arguments for a pool of an account that has this login shell. The twin of an account has its number."""
    if os.geteuid() or not shutil.which("useradd"):
        pytest.skip("it takes root and useradd to make an account with another shell")
    if not os.path.exists(shell):
        pytest.skip(f"{shell} is not installed")
    name = f"paramedic-{os.path.basename(shell)}-{os.getpid()}"[:29] + ("-2" if twin_of else "")
    # Not in pytest's own folder: whenever a pytest starts on this machine, it closes that to all other accounts.
    with tempfile.TemporaryDirectory(prefix="paramedic-account-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        for each in ("home", "sshd"):
            (folder / each).mkdir(mode=0o755)
        number = ["-o", "-u", str(pwd.getpwnam(twin_of).pw_uid)] if twin_of else []
        words = ["useradd", *number, "-M", "-d", folder / "home", "-s", shell, "-p", "*", name]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        if done.returncode:
            pytest.skip(f"no account can be made here: {done.stderr.strip()}")
        try:
            shutil.chown(folder / "home", name)
            with running_sshd(folder / "sshd") as server:
                yield {"host": server.host, "username": name, "runner": True, **Host(server).arguments(username=name)}
        finally:
            subprocess.run(["userdel", "-f", name], capture_output=True, timeout=60)
