"""The locks of `logging` are told apart from the program's, whenever they were made: see `paramedic.analysis.polls`."""

from __future__ import annotations

from pathlib import Path

from twice import Run

from paramedic.analysis.polls import LOGGINGS
from paramedic.model.event import Event, Kind
from paramedic.trace.reader import find_traces, open_trace

PROGRAM = """
import logging, threading
import paramiko
mine = threading.Lock(), threading.RLock()
logging.getLogger("mine").addHandler(logging.NullHandler(5))
"""
BEFORE = """
import logging, threading
import paramiko, paramedic
mine = [threading.Lock(), threading.RLock()]
paramedic.start("rec")
paramedic.stop()
"""


def _made(events: list[Event], operations: list[str]) -> set[tuple[str, bool]]:
    made = [(operations[e.op].removesuffix(".__init__"), e.b == LOGGINGS) for e in events if e.kind == Kind.NEW]
    return {(kind, logs) for kind, logs in made if kind in ("Lock", "RLock")}


def test_locks_that_are_made_while_it_is_recorded(recorded: Run) -> None:
    done = recorded("-c", PROGRAM)
    assert done.status == 0, done.err
    (trace,) = done.traces()
    made = _made(list(trace.events()), trace.header["operations"])
    assert {("Lock", False), ("RLock", False), ("RLock", True)} <= made
    assert ("Lock", True) not in made


def test_locks_that_were_made_before(plain: Run, tmp_path: Path) -> None:
    done = plain("-c", BEFORE, cwd=tmp_path)
    assert done.status == 0, done.err
    (path,) = find_traces(tmp_path / "rec")
    trace = open_trace(path)
    made = _made(list(trace.events()), trace.header["operations"])
    assert {("Lock", False), ("RLock", False), ("RLock", True)} <= made
    assert ("Lock", True) not in made
