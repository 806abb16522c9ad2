"""A process in a PID namespace of its own, as a container has, seen from outside; and what was started by a wrapper."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from paramedic.check.hung_process import Look, check_process
from paramedic.dump import kernel
from paramedic.dump.live import DumpError, Tools, take, tools
from paramedic.model.finding import Confidence
from paramedic.model.snapshot import Snapshot, ThreadStack

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")

ISOLATED = ["unshare", "--pid", "--fork", "--mount-proc"]
DEADLOCK = """\
import threading
a, b, met = threading.Lock(), threading.Lock(), threading.Barrier(3)
def one():
    with a:
        met.wait()
        with b:
            pass
def two():
    with b:
        met.wait()
        with a:
            pass
for f in (one, two):
    threading.Thread(target=f, daemon=True).start()
met.wait()
print("ready", flush=True)
threading.Event().wait()
"""


def started(command: list[str]) -> subprocess.Popen[str]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)
    assert process.stdout is not None
    process.stdout.close()


@pytest.fixture
def wrapper(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    if shutil.which("unshare") is None or subprocess.run([*ISOLATED, "true"], capture_output=True).returncode:
        pytest.skip("no permission to make a PID namespace (root has it)")
    (tmp_path / "app.py").write_text(DEADLOCK)
    process = started([*ISOLATED, sys.executable, str(tmp_path / "app.py")])
    yield process
    end(process)


@pytest.mark.parametrize("tool", ["py_spy", "pystack"])
def test_a_deadlock_in_a_container_is_told_from_outside(wrapper: subprocess.Popen[str], tool: str) -> None:
    have = tools()
    if not getattr(have, tool):
        pytest.skip(f"{tool} is not installed (pip install py-spy pystack)")
    only = Tools(py_spy=have.py_spy if tool == "py_spy" else "", pystack=have.pystack if tool == "pystack" else "")
    (inside,) = kernel.descendants(wrapper.pid)
    report = check_process(inside, Look(interval_s=0.2), only)
    (cycle,) = [f for f in report.findings if f.hazard == "lock-order-inversion"]
    assert cycle.confidence is Confidence.OBSERVED


@pytest.mark.parametrize(
    "have", [tools(), Tools(py_spy="", pystack="")], ids=["with what is installed", "without a tool"]
)
def test_who_names_the_wrapper_is_told_what_it_started(have: Tools, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(DEADLOCK)
    process = started(["sh", "-c", f"{sys.executable} {tmp_path}/app.py; true"])
    try:
        (child,) = kernel.descendants(process.pid)
        with pytest.raises(DumpError, match=f"is not a Python program .*'paramedic dump {child}'"):
            take(process.pid, have)
    finally:
        end(process)


def test_what_the_kernel_says_of_a_thread_is_found_by_the_id_that_it_has_inside() -> None:
    times = {"3": kernel.ThreadTimes(inside=True, system_call="futex", switches=4, cpu_ticks=1)}
    snapshot = Snapshot(form="py-spy-json", threads=(ThreadStack(ident="3", state="active"),))
    (thread,) = kernel.with_times(snapshot, times).threads
    assert (thread.state, thread.system_call, thread.switches) == ("idle", "futex", 4)
