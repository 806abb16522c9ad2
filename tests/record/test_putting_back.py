"""What the recorder changes is indistinguishable while it records, and back when it stops."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

STORY = """
import inspect, queue, sys, threading
import concurrent.futures.thread
import paramiko
from paramedic.record.session import Options, Session

watched = [f for c in (paramiko.SSHClient, paramiko.Transport, paramiko.Channel, paramiko.SFTPClient, threading.Thread,
                       threading.Event, queue.Queue) for f in vars(c).values() if inspect.isfunction(f)]
before = [(f.__code__, inspect.signature(f), f.__qualname__, f.__doc__) for f in watched]
factories = (threading.Lock, threading.RLock, queue.SimpleQueue)
session = Session(Options(directory=sys.argv[1]))
session.start()
assert sum(f.__code__ is not b[0] for f, b in zip(watched, before)) > 60, "hardly anything is watched"
assert threading.Lock is not factories[0]
assert [(inspect.signature(f), f.__qualname__, f.__doc__) for f in watched] == [b[1:] for b in before]
session.stop()
assert all(f.__code__ is b[0] for f, b in zip(watched, before))
assert (threading.Lock, threading.RLock, queue.SimpleQueue) == factories
print("back")
"""


def test_the_very_same_objects_are_back(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-c", STORY, str(tmp_path / "recording")], capture_output=True, text=True, timeout=60
    )
    assert (told.returncode, told.stdout) == (0, "back\n"), told.stderr
