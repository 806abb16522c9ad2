"""An object whose variable an inner function uses too: tools show its cell, of which each call has its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from paramedic.check.hung_process import Look, check_process
from paramedic.dump.live import tools
from paramedic.dump.memory import python_version
from paramedic.model.finding import Confidence, Finding

CELLS = """\
import threading


class Cluster:
    def __init__(self):
        self.mutex = threading.Lock()
        self.nodes = []

    def add(self, name, inside):
        inside.set()
        with self.mutex:
            self.nodes.append(name)

    def start(self):
        with self.mutex:
            reached = threading.Event()
            adding = threading.Thread(target=lambda: self.add("web1", reached), name="adding")
            adding.start()
            reached.wait()
            print("ready", flush=True)
            adding.join()


Cluster().start()
"""


@pytest.mark.skipif(sys.platform != "linux" or not tools().py_spy, reason="py-spy is needed (pip install py-spy)")
def test_an_object_that_a_lambda_uses_too_is_the_same_one(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(CELLS)
    process = subprocess.Popen([sys.executable, str(tmp_path / "app.py")], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        found: list[Finding] = []
        for _ in range(20):  # both are on their way to where they wait; nothing else tells that they have arrived
            report = check_process(process.pid, Look(interval_s=0.3), tools())
            found = [f for f in report.findings if f.hazard == "lock-order-inversion"]
            if found:
                break
        readable = python_version(process.pid) is not None
    finally:
        process.kill()
        process.wait(30)
        process.stdout.close()
    (cycle,) = found
    assert {s.line for s in cycle.sites} == {11, 21}
    assert cycle.confidence is Confidence.OBSERVED or not readable
