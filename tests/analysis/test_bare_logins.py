"""Logins on a Transport whose handshake the program has made itself: advice where no source shows a look at the key."""

from __future__ import annotations

from pathlib import Path

import pytest
from notation import findings_of

CASES = {
    "by hand": ("A: start_client conn\nA: auth_password conn", 1),
    "by hand, in several threads at one place": (
        "A: start_client conn\nA: auth_password conn #@x\nA: start_client conn2\nA: auth_password conn2 #@x",
        1,
    ),
    "connect() has been given the key, or told that there is none": ("A: connect conn\nA: auth_password conn", 0),
    "a client's": ("A: connect client\nA: auth_password conn", 0),
    "paramedic.safe's": ('A: start_client conn\nA: auth_password conn\nA: set_keepalive conn "safe"', 0),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("looks", [False, True])
def test_what_is_said(name: str, looks: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # each place of the story is a line of this program
    look = "    print(t.get_remote_server_key())\n" if looks else ""
    Path("app.py").write_text("def work(t):\n" + "    t.auth_password()\n" * 60 + look)
    story, count = CASES[name]
    told = [
        f for f in findings_of(f"Main: chdir sftp\nMain: stat sftp\n{story}") if f.hazard == "host-key-not-verified"
    ]
    assert len(told) == (0 if looks else count)
