"""The corpus of real bugs, each in several spellings: the bad ones are found, the good ones are silent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from spelling import SPELLINGS

from paramedic.check.lint import LintOptions, lint
from paramedic.hazards.catalogue import by_name, lenses_of
from paramedic.model.finding import Finding
from paramedic.model.hazard import Lens

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the corpus of cases is not beside this checkout")


def _cases(which: str) -> list[Path]:
    return sorted(p.parent for p in CASES.glob(f"*/{which}.py")) if CASES.is_dir() else []


def _write(case: Path, which: str, spelling: str, folder: Path) -> None:
    for name, text in SPELLINGS[spelling]((case / f"{which}.py").read_text()).items():
        (folder / name).write_text(text)
    for other in case.glob("*.py"):
        helper = other.name not in {"bad.py", "good.py"} and (other.name.startswith("lazy") == (which == "good"))
        if helper:
            (folder / other.name).write_text(other.read_text())


LINES = {
    "agent-shared-key": "client.connect(",
    "async-blocking": "client.connect( client.exec_command(",
    "closed-under-worker": "with exec_command( close(",
    "connect-storm": "client.connect(",
    "dead-peer": "stdout.read(",
    "dropped-pty-channel": "exec_command(",
    "eof-close-race": "stdin.close( channel.close(",
    "exit-blocked": "in stdout",
    "exit-status-first": "recv_exit_status(",
    "fork-after-connect": "exec_command(",
    "forward-handler-blocks": "create_connection(",
    "gc-stdin-cycle": "exec_command(",
    "global-request-race": "request_port_forward(",
    "handler-reenters": "exec_command(",
    "import-lock": "client.connect(",
    "known-hosts-lost": "client.connect(",
    "lock-around-read": "stdout.read(",
    "lock-inversion": "lock exec_command(",
    "log-over-ssh": "stdin.write(",
    "max-sessions": "exec_command(",
    "mute-server": "exec_command(",
    "pool-starvation": "submit( result(",
    "proxy-stderr-full": "ProxyCommand(",
    "select-two-readers": "recv",
    "sftp-file-seek": "remote.seek( remote.read(",
    "sftp-prefetch-stall": "prefetch(",
    "sftp-shared-stat": "sftp.stat(",
    "shared-client-connect": "ssh.connect(",
    "signal-handler": "sendall(",
    "stdin-flood": "stdin.write(",
    "stdout-then-stderr": "stdout.read(",
    "swallowed-errors": ".submit(",
    "thread-local-leak": "client.connect(",
    "two-readers": "in stdout channel.recv(",
}
"""What the line of a finding says, in whichever words a spelling moves it: one of these calls."""

CURES = {("exit-blocked", "through a context manager")}
"""Spellings that take the bug away: the manager closes the client."""


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("case", _cases("bad"), ids=lambda c: c.name)
def test_a_bug_is_found_however_it_is_spelled(case: Path, spelling: str, tmp_path: Path) -> None:
    expected = [
        name
        for name in json.loads((case / "case.json").read_text())["hazards"]
        if Lens.STATIC in lenses_of(by_name(name))
    ]
    if not expected or (case.name, spelling) in CURES:
        pytest.skip("source does not show this hazard")
    _write(case, "bad", spelling, tmp_path)
    report = lint([tmp_path], LintOptions(pedantic=True, jobs=1))
    assert set(expected) <= {f.hazard for f in report.findings}
    calls = LINES[case.name].replace("in stdout", "in_stdout").split()
    for name in expected:
        lines = [_line(f) for f in report.findings if f.hazard == name]
        assert any(call in line for line in lines for call in calls), lines


def _line(finding: Finding) -> str:
    """The source line that a finding points at."""
    assert finding.site is not None
    line = Path(finding.site.file).read_text().splitlines()[finding.site.line - 1]
    return line.replace("in stdout", "in_stdout").replace("in self.stdout", "in_stdout")


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("case", _cases("good"), ids=lambda c: c.name)
def test_the_same_job_done_right_is_silent(case: Path, spelling: str, tmp_path: Path) -> None:
    _write(case, "good", spelling, tmp_path)
    report = lint([tmp_path], LintOptions(jobs=1))
    assert [f"{f.hazard} {f.site}" for f in report.findings] == []
