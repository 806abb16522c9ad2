"""The lab's process, seen from the program that starts it."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paramedic
from paramedic.lab.manners import Manners, manners_to_json
from paramedic.lab.server import Server
from paramedic.lab.trouble import LabError

START_LIMIT_S = 20.0
"""A start takes about half a second; more than this is a machine that will not get there."""
STOP_LIMIT_S = 5.0

# -P and -c instead of -m: a program's own folder, with a queue.py or an asyncssh.py in it, must not come first.
_START = "import sys; sys.path.append(sys.argv[1]); from paramedic.lab.host import main; main()"


@contextlib.contextmanager
def lab(manners: Manners | None = None) -> Iterator[Server]:
    """Run a server for the length of a ``with`` block.

    The server is a process of its own. It ends with the block, and also when this process ends in any other way,
    ``kill -9`` included, because it watches a pipe from here. Commands that still run are killed with it. In a child
    that was forked inside the block, the end of the block leaves the server alone.

    Args:
        manners: how it misbehaves; the default does not.

    Yields:
        How to reach it; it takes connections already.

    Raises:
        LabError: it did not start (the port is taken, asyncssh cannot be imported); nothing is left behind.

    Threads: any thread; several labs may run at once. Blocks for about half a second at the start, and up to
        5 s at the end.
    """
    owner = os.getpid()
    folder = tempfile.mkdtemp(prefix="paramedic-lab-")
    try:
        process, server = _start(manners or Manners(), folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    try:
        yield server
    finally:
        if os.getpid() == owner:
            _stop(process)
            shutil.rmtree(folder, ignore_errors=True)


def _start(manners: Manners, folder: str) -> tuple[subprocess.Popen[bytes], Server]:
    log_file = Path(folder, "lab.log")
    package_root = str(Path(paramedic.__file__).parents[1])
    # The lab is not part of an observed program: our own variables would have it recorded.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PARAMEDIC_")}
    with open(log_file, "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _START, package_root],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            start_new_session=True,  # Ctrl-C is for the program; the lab follows when the program has ended
        )
    try:
        assert process.stdin is not None
        order = {"manners": manners_to_json(manners), "folder": folder, "parent": os.getpid()}
        with contextlib.suppress(BrokenPipeError):  # then there is no answer either, and the log says why
            process.stdin.write(json.dumps(order).encode() + b"\n")
            process.stdin.flush()
        answer = _answer(process)
        if "error" in answer:
            raise LabError(answer["error"])
        if "server" not in answer:
            raise LabError(f"the lab did not start: {_last_words(log_file)}")
        return process, Server(**{**answer["server"], "hosts": tuple(answer["server"]["hosts"])})
    except BaseException:
        _stop(process)
        raise


def _answer(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """The one line that the lab prints: ``{"server": …}`` or ``{"error": …}``; empty if it ended or took too long."""
    assert process.stdout is not None
    line = b""
    deadline_s = time.monotonic() + START_LIMIT_S
    with selectors.DefaultSelector() as selector:  # select() itself fails on descriptors over 1023
        selector.register(process.stdout, selectors.EVENT_READ)
        while not line.endswith(b"\n"):
            ready = selector.select(max(0.0, deadline_s - time.monotonic()))
            piece = os.read(process.stdout.fileno(), 65536) if ready else b""
            if not piece:
                return {}
            line += piece
    answer = json.loads(line)
    return answer if isinstance(answer, dict) else {}


def _stop(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(OSError):
        process.stdin.close()  # the end of this pipe is the lab's order to stop
    process.stdout.close()
    try:
        process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_words(log_file: Path) -> str:
    lines = log_file.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"it said nothing within {START_LIMIT_S:.0f} s"
