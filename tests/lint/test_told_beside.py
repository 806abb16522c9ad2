"""What is told beside the findings: comments that give no reason, lenses that failed."""

from __future__ import annotations

from pathlib import Path

import pytest
from judging import Lint

from paramedic.cli.main import main

pytestmark = pytest.mark.usefixtures("here")

SHARED = """\
import paramiko
from concurrent.futures import ThreadPoolExecutor


def main(client: paramiko.SSHClient, names):
    sftp = client.open_sftp()
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(sftp.stat, names))
"""


@pytest.mark.parametrize("form", ["concise", "github", "gitlab", "junit"])
def test_a_comment_without_a_reason_is_told_in_forms_that_have_no_place_for_it(
    form: str, tmp_path: Path, lint: Lint
) -> None:
    (tmp_path / "sizes.py").write_text(SHARED.replace("names))", "names))  # paramedic: allow[PMC103]"))
    assert "sizes.py:8: allow[shared-sftp-client] gives no reason" in lint("--format", form, ".")[2]


def test_a_lens_that_fails_is_told_and_the_others_are_heard(
    tmp_path: Path, lint: Lint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(facts: object) -> None:
        raise RuntimeError("told\nin one line")

    monkeypatch.setattr("paramedic.hazards.shared_channel.static.find", fails)
    (tmp_path / "sizes.py").write_text(SHARED)
    status, out, _ = lint("--no-cache", "--jobs", "1", ".")
    assert status == 1
    assert "warning: shared-channel in sizes.py: RuntimeError: told\\nin one line" in out
    assert "PMC103" in out


def test_checkup_tells_of_a_comment_without_a_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "sizes.py").write_text(SHARED.replace("names))", "names))  # paramedic: allow[PMC103]"))
    capsys.readouterr()
    main(["checkup", "."])
    assert "note: " in (out := capsys.readouterr().out)
    assert "sizes.py:8: allow[shared-sftp-client] gives no reason" in out
