"""What every area of the tests may use."""

from __future__ import annotations

import os
import shutil
import signal
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

if int(version("paramiko").partition(".")[0]) < 5:
    # new cryptography warns about old Paramiko's ciphers in each of the programs that the tests run
    os.environ.setdefault("PYTHONWARNINGS", "ignore::UserWarning")

# nohup and a shell's background jobs ignore these; the programs that the tests send them to would inherit that
for given in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
    if signal.getsignal(given) is signal.SIG_IGN:
        signal.signal(given, signal.default_int_handler if given is signal.SIGINT else signal.SIG_DFL)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def cases() -> Path:
    """The corpus of real bugs, which stands beside the checkout where somebody has put it."""
    found = ROOT.parent / "shared" / "cases"
    if not found.is_dir():
        pytest.skip("the corpus is not beside this checkout (../shared/cases)")
    return found


@pytest.fixture(scope="session")
def sshd() -> str:
    """Path of OpenSSH's server."""
    found = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip("OpenSSH's server is not installed (make test installs it where it can)")
    return found


@pytest.fixture
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Recordings and settings of this test alone: nothing of the account that runs the tests is read or written."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    for name in [n for n in os.environ if n.startswith("PARAMEDIC_")]:
        monkeypatch.delenv(name)
    return home
