"""Runs one proof in a process of its own: ``prove.py FOLDER good bad`` prints JSON after each part.

A process of its own, because a proof of a hang leaves threads that wait for ever, and a proof of a signal handler or of
``sys.setswitchinterval`` must not meet the test runner's.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import paramiko

from paramedic.lab import Manners, Server, lab

CLEARING_LIMIT_S = 20.0
"""A transport's thread ends some 0.1 s after close() has returned, on a loaded machine later."""


def main() -> None:
    """Run it and say what is left behind."""
    faulthandler.dump_traceback_later(60, exit=True)
    folder, *parts = sys.argv[1:]
    demo = importlib.import_module(f"paramedic.hazards.{folder}.demo")
    with lab(Manners(**demo.MANNERS)) as server:
        for part in parts:
            told = json.dumps({"part": part} | prove(getattr(demo, part), server))
            sys.stdout.flush()
            os.write(1, f"\n{told}\n".encode())  # in one piece: a thread that was left behind may still print


def prove(part: Callable[[Server], None], server: Server) -> dict[str, Any]:
    """Run one half; what it raised, and which threads it has left behind."""
    error = ""
    before = set(threading.enumerate())
    began_s = time.monotonic()
    try:
        part(server)
    except BaseException as raised:
        error = f"{type(raised).__name__}: {raised}"
    took_s = time.monotonic() - began_s
    deadline_s = time.monotonic() + (CLEARING_LIMIT_S if part.__name__ == "good" else 0)
    while (left := set(threading.enumerate()) - before) and time.monotonic() < deadline_s:
        time.sleep(0.02)
    transports = [thread.name for thread in left if isinstance(thread, paramiko.Transport) and thread.is_active()]
    return {"error": error, "took_s": took_s, "threads": [thread.name for thread in left], "transports": transports}


if __name__ == "__main__":
    main()
