"""Fixes: the file still parses, the finding is gone, a second run changes nothing, all other bytes stay."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from test_programs import PROGRAMS

from paramedic.check import fixing
from paramedic.check.lint import LintOptions, lint
from paramedic.cli.main import main
from paramedic.model.finding import Finding

STATUS_FIRST = """\
import paramiko


def run(client: paramiko.SSHClient, command):
    _, out, _ = client.exec_command(command + " # {word}")
    code = out.channel.recv_exit_status()  # {word}
    # the rest
    text = (
        out.read()
    )
    return code, text
"""
READ_FIRST = """\
import paramiko


def run(client: paramiko.SSHClient, command):
    _, out, _ = client.exec_command(command + " # {word}")
    # the rest
    text = (
        out.read()
    )
    code = out.channel.recv_exit_status()  # {word}
    return code, text
"""

WAYS: dict[str, tuple[str, bytes, str]] = {
    "as most files are": ("utf-8", b"", "\n"),
    "with a byte order mark": ("utf-8", b"\xef\xbb\xbf", "\n"),
    "with CRLF": ("utf-8", b"", "\r\n"),
    "in Latin-1": ("latin-1", b"# -*- coding: latin-1 -*-\n", "\n"),
    "in CP1252 with CRLF": ("cp1252", b"# coding=cp1252\r\n", "\r\n"),
    "with a form feed": ("utf-8", b"\x0c\n", "\n"),
}


def _bytes(text: str, way: str, *, tabs: bool) -> bytes:
    encoding, head, end = WAYS[way]
    text = text.format(word="größer")
    if tabs:
        text = text.replace("    ", "\t")
    return head + text.replace("\n", end).encode(encoding)


@pytest.mark.parametrize("tabs", [False, True], ids=["spaces", "tabs"])
@pytest.mark.parametrize("way", WAYS)
def test_only_the_lines_of_the_edit_change(
    way: str, tabs: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "run.py"
    file.write_bytes(_bytes(STATUS_FIRST, way, tabs=tabs))
    file.chmod(0o640)
    assert main(["lint", "--no-cache", "--fix", str(file)]) == 0
    assert file.read_bytes() == _bytes(READ_FIRST, way, tabs=tabs)
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_last_line_without_an_end_stays_so(tmp_path: Path) -> None:
    file = tmp_path / "run.py"
    text = STATUS_FIRST.format(word="x").replace("    return code, text\n", "")
    file.write_text(text.rstrip("\n"))
    main(["lint", "--no-cache", "--fix", str(file)])
    assert file.read_text() == READ_FIRST.format(word="x").replace("    return code, text\n", "").rstrip("\n")


@pytest.mark.parametrize(
    "lines",
    [
        "code = out.channel.recv_exit_status()\n    text = out.read() if code == 0 else b''",
        "code = out.channel.recv_exit_status(); text = out.read()",
        "check(out.channel.recv_exit_status())\n    text = out.read()",
        "code = out.channel.recv_exit_status()\n    if code:\n        raise OSError(code)\n    text = out.read()",
    ],
    ids=["the read needs the status", "on one line", "something else is done with it", "a branch between"],
)
def test_where_it_is_not_safe_nothing_is_moved(lines: str, tmp_path: Path) -> None:
    file = tmp_path / "run.py"
    file.write_text(
        "import paramiko\n\n\ndef run(client: paramiko.SSHClient, command, check):\n"
        f"    _, out, _ = client.exec_command(command)\n    {lines}\n    return text\n"
    )
    before = file.read_text()
    assert main(["lint", "--no-cache", "--fix", str(file)]) == 1
    assert file.read_text() == before


def _fixable(folder: Path) -> list[Finding]:
    return [f for f in lint([folder], LintOptions(pedantic=True, jobs=1)).findings if f.edits]


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_still_parses_and_has_nothing_left_to_fix(name: str, tmp_path: Path) -> None:
    for file, text in PROGRAMS[name].items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    comments = sorted(w for p in tmp_path.rglob("*.py") for w in p.read_text().split() if w.startswith("#"))
    for _ in range(8):
        changes = fixing.plan(_fixable(tmp_path), unsafe=True)
        if not changes:
            break
        for change in changes:
            fixing.write(change)
            ast.parse(change.path.read_bytes())
    assert fixing.plan(_fixable(tmp_path), unsafe=True) == []
    assert _fixable(tmp_path) == []
    assert comments == sorted(w for p in tmp_path.rglob("*.py") for w in p.read_text().split() if w.startswith("#"))


HEAD = """import paramiko
import time
from concurrent.futures import ThreadPoolExecutor


"""
SHAPES = {
    "a suite on the line of its try": (
        """def watch():
    client = paramiko.SSHClient()
    try: client.connect("h", timeout=10)
    except OSError: return
    while True:
        _, out, _ = client.exec_command("uptime 2>&1")
        print(out.read())
        time.sleep(60)
""",
        None,
    ),
    "another statement before the wait": (
        """def run(client: paramiko.SSHClient, command):
    _, out, _ = client.exec_command(command)
    n = 5; code = out.channel.recv_exit_status()
    text = out.read(n)
    return code, text
""",
        None,
    ),
    "no comma after the last argument": (
        """def main(client: paramiko.SSHClient):
    client.connect(
        "h"  # the host
    )
""",
        '        "h", timeout=10  # the host\n    )\n',
    ),
    "a comma after the last argument": (
        """def main(client: paramiko.SSHClient):
    client.connect(
        "h",  # the host
    )
""",
        '        "h",  # the host\n    timeout=10)\n',
    ),
    "parentheses around the last argument": (
        """def main(client: paramiko.SSHClient):
    client.connect(("h"))
""",
        None,
    ),
    "a map of several lines": (
        """def size(host):
    with paramiko.SSHClient() as client:
        client.connect(host, timeout=10)
        return client.exec_command("uptime", timeout=5)[1].read()


def main(hosts):
    with ThreadPoolExecutor(4) as pool:
        pool.map(  # all of them
            size,
            hosts,
        )
""",
        "        list(pool.map(  # all of them\n            size,\n            hosts,\n        ))\n",
    ),
    "a prefetch that is told the size": (
        """def head(sftp: paramiko.SFTPClient, path):
    with sftp.open(path) as file:
        file.prefetch(file_size=file.stat().st_size)
        print(file.read(10))
        sftp.stat(path)
""",
        "file.prefetch(file_size=file.stat().st_size, max_concurrent_requests=64)\n",
    ),
}


@pytest.mark.parametrize("title", SHAPES)
def test_a_fix_is_promised_where_it_can_be_made_and_only_there(title: str, tmp_path: Path) -> None:
    text, after = SHAPES[title]
    file = tmp_path / "app.py"
    file.write_text(HEAD + text)
    promised = [e for f in _fixable(tmp_path) for e in f.edits]
    changes = fixing.plan(_fixable(tmp_path), unsafe=True)
    assert sum(change.count for change in changes) == len(promised)
    made = "".join(changes[0].after) if changes else HEAD + text
    if after is None:
        assert made == HEAD + text
    else:
        assert after in made
