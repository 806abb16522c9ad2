"""``kill -9`` in the middle: what is left says what was wrong up to that moment, whoever was killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from paramedic.lab import Manners, lab
from paramedic.trace.ending import read_seen

LIMIT_S = 60
HUNG_NS = 3_000_000_000

HANGS = """
import json, sys
import paramiko

client = paramiko.SSHClient()
server = json.loads(sys.argv[1])
client.load_host_keys(server.pop("known_hosts"))
client.connect(**server)
_, stdout, _ = client.exec_command("head -c 5000000 /dev/zero")
print("asks", flush=True)
print(stdout.channel.recv_exit_status())
"""


@pytest.mark.parametrize("level", ["watch", "check"])
@pytest.mark.parametrize("whom", ["the program", "both"])
def test_a_hang_is_told_after_kill(whom: str, level: str, own_state: Path, tmp_path: Path) -> None:
    (tmp_path / "hangs.py").write_text(HANGS)
    folder = tmp_path / "recording"
    with lab(Manners()) as server:
        told = {**server.connect_kwargs(), "known_hosts": server.known_hosts_file, "timeout": 20}
        words = ["--level", level, "--recording", str(folder), "hangs.py", json.dumps(told)]
        run = subprocess.Popen(
            [sys.executable, "-m", "paramedic", "run", *words],
            cwd=tmp_path, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert run.stdout is not None and run.stdout.readline() == "asks\n"
            _until_seen(folder, time.monotonic_ns() + HUNG_NS)
            if whom == "both":
                os.killpg(run.pid, signal.SIGKILL)
            else:
                (file,) = folder.glob("*.pmrec")
                os.kill(int(file.name.partition("-")[0]), signal.SIGKILL)
            run.communicate(timeout=LIMIT_S)
        finally:
            if run.poll() is None:
                os.killpg(run.pid, signal.SIGKILL)
                run.communicate()
    assert run.returncode == -signal.SIGKILL
    done = subprocess.run(
        [sys.executable, "-m", "paramedic", "check", "--format", "json", str(folder)],
        cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT_S,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    found = {finding["code"]: finding["confidence"] for finding in json.loads(done.stdout)["findings"]}
    assert found["PMC201"] == "observed"


def _until_seen(folder: Path, moment_ns: int) -> None:
    """Waits until whoever watches the program has seen it run at this moment or later."""
    deadline = time.monotonic() + LIMIT_S
    while read_seen(folder) < moment_ns:
        assert time.monotonic() < deadline
        time.sleep(0.05)
