"""A server to reach, and what runs on it: loopback makes remote processes visible."""

from __future__ import annotations

import gc
import itertools
import os
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

from paramedic.safe import ClientPool, KnownHosts
from paramedic.safe.plan import Plan

_NUMBERS = itertools.count(100)


class Host:
    """One sshd and how to reach it."""

    def __init__(self, server: Any) -> None:
        self.server = server

    def arguments(self, **more: Any) -> dict[str, Any]:
        given: dict[str, Any] = {
            "port": self.server.port,
            "username": self.server.user,
            "key_filename": self.server.key_file,
            "known_hosts": KnownHosts(self.server.known_hosts_file),
            "allow_agent": False,
            "look_for_keys": False,
        }
        return given | more

    def pool(self, **more: Any) -> ClientPool:
        return ClientPool(self.server.host, **self.arguments(**more))


def collecting(dropped: list[Any]) -> tuple[Callable[[Plan, int, int, float], Any], threading.Event]:
    """A ``Plan.decide`` in whose middle the garbage collector finds what is dropped, when all of the queue is about to
    be taken from it; and what is set then."""
    real, collected = Plan.decide, threading.Event()

    def decide(plan: Plan, waiting: int, borrowers: int, now: float) -> Any:
        decision = real(plan, waiting, borrowers, now)
        if dropped and 0 < waiting == len(decision.launch):
            dropped.clear()
            gc.collect()
            collected.set()
        return decision

    return decide, collected


def new_mark() -> str:
    """A number of seconds to sleep that no other process on this machine has, of another run of the tests neither."""
    return f"{next(_NUMBERS)}.{os.getpid()}"


def processes(mark: str) -> list[str]:
    """The remote processes whose command line contains ``mark``, as ``ps`` sees them: loopback makes them visible."""
    out = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True, timeout=20).stdout
    return [line for line in out.splitlines() if mark in line and "sshd" not in line]


def gone(mark: str, within_s: float = 60.0) -> bool:
    """Whether no such process is there any more."""
    deadline = time.monotonic() + within_s
    while processes(mark):
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(0.05)
    return True
