"""Runs one proof in a process of its own: ``prove.py FOLDER good|bad`` prints JSON as its last line.

A process of its own, because a proof of a hang leaves threads that wait for ever, and a proof of a signal handler or of
``sys.setswitchinterval`` must not meet the test runner's.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import sys
import threading
import time

import paramiko

from paramedic.lab import Manners, lab

CLEARING_LIMIT_S = 3.0
"""A transport's thread ends some 0.1 s after close() has returned."""


def main() -> None:
    """Run it and say what is left behind."""
    faulthandler.dump_traceback_later(60, exit=True)
    folder, which = sys.argv[1:]
    demo = importlib.import_module(f"paramedic.hazards.{folder}.demo")
    error = ""
    with lab(Manners(**demo.MANNERS)) as server:
        before = set(threading.enumerate())
        began_s = time.monotonic()
        try:
            getattr(demo, which)(server)
        except BaseException as raised:
            error = f"{type(raised).__name__}: {raised}"
        took_s = time.monotonic() - began_s
        deadline_s = time.monotonic() + (CLEARING_LIMIT_S if which == "good" else 0)
        while (left := set(threading.enumerate()) - before) and time.monotonic() < deadline_s:
            time.sleep(0.02)
        transports = [thread.name for thread in left if isinstance(thread, paramiko.Transport) and thread.is_active()]
        threads = [thread.name for thread in left]
    told = {"error": error, "took_s": took_s, "threads": threads, "transports": transports}
    print(json.dumps(told), flush=True)


main()
