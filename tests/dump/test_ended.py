"""A thread that waits on a connection which has ended: nobody forked anything, and nothing will wake it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from paramedic.check.hung_process import Look, check_process
from paramedic.dump.live import tools
from paramedic.model.finding import Confidence

PROGRAM = """\
import socket, threading
import paramiko

here, there = socket.socketpair()
transport = paramiko.Transport(here)
channel = paramiko.Channel(1)
channel._set_transport(transport)
transport.active = {alive}


def wait():
    threading.current_thread().reached.set()
    channel._wait_for_event()


thread = threading.Thread(target=wait, name="late", daemon=True)
thread.reached = threading.Event()
thread.start()
thread.reached.wait()
print("ready", flush=True)
threading.Event().wait()
"""


@pytest.mark.skipif(sys.platform != "linux" or not tools().py_spy, reason="py-spy is needed (pip install py-spy)")
@pytest.mark.parametrize(
    ("alive", "hazard"), [(False, "wait-without-timeout"), (True, "forked-connection")], ids=["ended", "forked"]
)
def test_why_nobody_reads_the_connection(alive: bool, hazard: str, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(PROGRAM.format(alive=alive))
    process = subprocess.Popen([sys.executable, str(tmp_path / "app.py")], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        report = check_process(process.pid, Look(interval_s=0.2), tools())
    finally:
        process.kill()
        process.wait(30)
        process.stdout.close()
    (found,) = [f for f in report.findings if f.confidence is Confidence.OBSERVED]
    assert found.hazard == hazard
    assert ("the connection has ended" in found.message) is not alive
