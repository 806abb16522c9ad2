"""Every Python example of the how-to pages runs, against a real server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from paramedic.safe import ClientPool, Ending, Group

PAGES = ("docs/how-to/safe.md",)


def test_examples_run(root: Path, host: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / ".ssh" / "config"
    config.parent.mkdir()
    server = host.server
    config.write_text(
        f"Host web*\n HostName {server.host}\n Port {server.port}\n User {server.user}\n"
        f" IdentityFile {server.key_file}\n IdentitiesOnly yes\n UserKnownHostsFile {server.known_hosts_file}\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    for page in PAGES:
        blocks = re.findall(r"```python\n(.*?)```", (root / page).read_text(), re.DOTALL)
        assert blocks
        for block in blocks:
            names: dict[str, Any] = {}
            exec(compile(block, page, "exec"), names)
            if "result" in names and "group" in names:
                assert names["result"].ok
            elif "result" in names:
                assert names["result"].exit_status == 3


def test_every_ending_and_every_exit_status_is_explained(root: Path) -> None:
    page = (root / "docs/how-to/safe.md").read_text()
    assert [e.name for e in Ending if e is not Ending.EXITED and f"`{e.name}`" not in page] == []
    for name in re.findall(r"(?:pool|group)\.(\w+)\(", page):
        assert hasattr(ClientPool, name) or hasattr(Group, name), name
