"""Logins on a bare Transport: whether the source around them shows anybody who looks at the server's key."""

from __future__ import annotations

from pathlib import Path

import pytest

from paramedic.lint.unseen_keys import UnseenKeys
from paramedic.model.finding import Site

LOGIN = "t.auth_password('me', secret)"
UNSEEN = {
    "nobody": f"    t.start_client()\n    {LOGIN}\n    sftp = paramiko.SFTPClient.from_transport(t)\n",
    "an attribute": "    self.t.start_client()\n    self.t.auth_password('me', secret)\n    return other(self.sftp)\n",
}
SEEN = {
    "it does": f"    t.start_client()\n    print(t.get_remote_server_key())\n    {LOGIN}\n",
    "another function of the file does": f"    {LOGIN}\ndef check(x):\n    x.get_remote_server_key()\n",
    "a helper is given it": f"    t.start_client()\n    trust(t)\n    {LOGIN}\n",
    "a helper is given it by name": f"    t.start_client()\n    trust(transport=t)\n    {LOGIN}\n",
    "known hosts are read": f"    known = paramiko.HostKeys('hosts')\n    t.start_client()\n    {LOGIN}\n",
    "a Transport of its own": f"    {LOGIN}\nclass Checked(paramiko.Transport):\n    pass\n",
}


def nobody_looks(body: str, folder: Path) -> bool:
    file = folder / "app.py"
    file.write_text(f"import paramiko\ndef work(t, self, secret):\n{body}")
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if "auth_password" in text)
    return UnseenKeys().nobody_looks([Site(file=str(file), line=line, function="work")], "auth_password")


@pytest.mark.parametrize("how", UNSEEN)
def test_nobody_looks(how: str, tmp_path: Path) -> None:
    assert nobody_looks(UNSEEN[how], tmp_path)


@pytest.mark.parametrize("how", SEEN)
def test_somebody_may_look(how: str, tmp_path: Path) -> None:
    assert not nobody_looks(SEEN[how], tmp_path)


def test_where_there_is_no_source_somebody_may(tmp_path: Path) -> None:
    nobody_looks(UNSEEN["nobody"], tmp_path)
    known = Site(file=str(tmp_path / "app.py"), line=4, function="work")
    assert UnseenKeys().nobody_looks([known], "auth_password")
    assert not UnseenKeys().nobody_looks(
        [known, Site(file=str(tmp_path / "gone.py"), line=1, function="x")], "auth_password"
    )
    assert not UnseenKeys().nobody_looks([], "auth_password")
