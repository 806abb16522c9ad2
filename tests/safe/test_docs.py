"""Every example of the how-to pages runs, Python and shell, against a real server."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from paramedic.safe import ClientPool, Ending, Group

PAGES = ("docs/how-to/safe.md",)


@pytest.fixture
def home(host: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose ssh_config leads all hosts named web... to the server."""
    config = tmp_path / ".ssh" / "config"
    config.parent.mkdir()
    server = host.server
    config.write_text(
        f"Host web*\n HostName {server.host}\n Port {server.port}\n User {server.user}\n"
        f" IdentityFile {server.key_file}\n IdentitiesOnly yes\n UserKnownHostsFile {server.known_hosts_file}\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_examples_run(root: Path, home: Path) -> None:
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


def test_what_the_table_says_to_write_runs(root: Path, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    page = (root / "docs/how-to/safe.md").read_text()
    rows = page.split("| you want | write |\n|---|---|\n")[1].split("\n\n")[0].splitlines()
    for folder in ("site", "www"):
        (home / folder).mkdir()
    (home / "site" / "index.html").write_text("x")
    ran = 0
    with ClientPool("web1", config="") as pool:
        for row in rows:
            call = ""
            spans = re.findall(r"`([^`]+)`", row.split("|")[2])
            for at, span in enumerate(spans):
                span = span.replace('"site/"', repr(f"{home}/site/")).replace('"/srv/www/"', repr(f"{home}/www/"))
                span = span.replace("download(…)", f"download({str(home / 'www')!r}, {str(home / 'back')!r})")
                code = span.replace("…", "text")
                if re.fullmatch(r"\w+=.*", code):  # one more argument of the call before it
                    code = f"{call[:-1]}, {code}{'5' if code.endswith('=') else ''})"
                elif code.startswith("for "):
                    continue  # the body of the block before it
                elif code.endswith(":"):
                    body = spans[at + 1] if at + 1 < len(spans) and spans[at + 1].startswith("for ") else "pass"
                    code = f"{code} \n    {body}"
                else:
                    call = code
                exec(compile(code, row, "exec"), {"pool": pool, "cmd": "echo x"})
                ran += 1
    assert ran == 12
    assert (home / "back" / "site" / "index.html").read_text() == "x"
    assert capfd.readouterr().out == "stdout x\n"


def test_shell_examples_run(root: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (root / "docs/how-to/safe-exec.md").read_text()
    lines = re.findall(r"^\$ (.*)$", page, re.MULTILINE)
    assert len(lines) == 6
    # As it stands there, but with fewer hosts, inside of our own folder, and what goes on for ever ends.
    here = {
        "tail -F": "tail -n 1",
        "web[1-200]": "web[1-4]",
        "/srv/www/": f"{home}/www/",
        "/var/log/syslog": f"{home}/syslog",
    }
    (home / "bin").mkdir()
    (home / "bin" / "paramedic").write_text(
        f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m paramedic.cli.main "$@"\n'
    )
    (home / "bin" / "paramedic").chmod(0o755)
    files = re.findall(r"```(?:ini|yaml)\n# ~/(\S+)\n(.*?)```", page, re.DOTALL)
    assert len(files) == 2
    for name, text in files:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    (home / "hosts.txt").write_text("web21 web[22-23]\n")
    (home / "site" / "pages").mkdir(parents=True)
    (home / "site" / "pages" / "index.html").write_text("hello")
    (home / "syslog").write_text("a line\n")
    (home / "www").mkdir()
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("PATH", f"{home / 'bin'}:{os.environ['PATH']}")
    said = []
    for line in lines:
        for there, ours in here.items():
            line = line.replace(there, ours)
        done = subprocess.run(line, shell=True, cwd=home, capture_output=True, text=True, timeout=100)
        assert (done.returncode, done.stderr) == (0, ""), line
        said.append(done.stdout)
    assert sorted(line.split(":")[0] for line in said[0].splitlines()) == ["web1", "web2", "web3", "web4"]
    assert "web[11-12,14] (3)" in said[1] and said[1].count(os.uname().release) == 1
    objects = [json.loads(line) for line in said[2].splitlines()]
    assert sorted(found["host"] for found in objects) == ["web21", "web22", "web23"]
    assert all(found["ok"] for found in objects)
    assert sorted(said[3].splitlines()) == [f"web{n}: a line" for n in (1, 2, 3)]
    named = re.search(r"one object per host: (.*?); output", page, re.DOTALL)
    assert named is not None
    assert sorted(re.findall(r"`(\w+)`", named[1])) == sorted([*objects[0], "error"])
    assert (home / "www" / "site" / "pages" / "index.html").read_text() == "hello"
    assert sorted(os.listdir(home / "logs")) == ["web1", "web2", "web3", "web4"]
    assert (home / "logs" / "web3" / "syslog").read_text() == "a line\n"


def test_every_ending_and_every_exit_status_is_explained(root: Path) -> None:
    page = (root / "docs/how-to/safe.md").read_text()
    assert [e.name for e in Ending if e is not Ending.EXITED and f"`{e.name}`" not in page] == []
    for name in re.findall(r"(?:pool|group)\.(\w+)\(", page):
        assert hasattr(ClientPool, name) or hasattr(Group, name), name
