"""The tutorial's two programs, run as it says: the first is found out, the second is clean."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from paramedic.lab import lab


def test_the_tutorial_is_true(root: Path, tmp_path: Path, own_state: Path) -> None:
    page = (root / "docs" / "tutorial" / "first-aid.md").read_text("utf-8")
    bad, good = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    found = {}
    with lab() as server:
        for name, text in (("bad", bad), ("good", good)):
            program = tmp_path / f"{name}.py"
            program.write_text(text)
            output = tmp_path / f"{name}.json"
            done = subprocess.run(
                [sys.executable, "-m", "paramedic", "run", "--format", "json", "--output", str(output), str(program)]
                + [str(server.port), server.key_file, server.known_hosts_file],
                capture_output=True,
                text=True,
                timeout=100,
                cwd=tmp_path,
            )
            assert done.returncode == 0, done.stderr
            report = json.loads(output.read_text())
            found[name] = {
                (f["hazard"], Path(f["site"]["file"]).name) for f in report["findings"] if f["confidence"] != "advice"
            }
    assert ("shared-sftp-client", "bad.py") in found["bad"]
    assert found["good"] == set()
