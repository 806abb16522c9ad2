"""A process that stands still though its recording does not say why, seen by the engine of ``paramedic dump``.

The recording knows calls and locks; a dump knows every frame. So what hangs in a way that the recording does not show
(a hand-over that it does not follow, a lock of somebody's own making) may still be known from the stacks. The process
is not stopped for it: it stands still, and of threads that move nothing is said.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from paramedic.analysis.run import RunFacts
from paramedic.check.dump import check_dumps
from paramedic.check.joining import ages, with_ages
from paramedic.check.stall import HANGS
from paramedic.dump.live import DumpError, Tools, take, tools
from paramedic.model.finding import Confidence, Finding
from paramedic.model.snapshot import Snapshot

BETWEEN_S = 2.0
"""What has not moved between two dumps so far apart waits."""
PAUSE_S = 30.0
MOST = 10
"""Looks at one program: whoever follows a quiet stream is not looked at for ever."""

Waits = frozenset[tuple[int, int]]
"""Threads, and since when each of them waits."""


@dataclass(frozen=True, slots=True)
class _First:
    """The first of two dumps."""

    waits: Waits
    at_s: float
    snapshot: Snapshot


class SecondLook:
    """Dumps the processes of one run.

    Threads: one thread; `of` blocks while a tool looks, some tenths of a second.
    """

    def __init__(self) -> None:
        self._have: Tools = tools()
        self._first: dict[int, _First] = {}
        self._done: dict[int, tuple[Waits, float]] = {}
        self._found: dict[int, Sequence[Finding]] = {}
        self._left = MOST if self._have.py_spy or self._have.pystack else 0

    def of(self, facts: RunFacts, waits: Waits, now_ns: int) -> Sequence[Finding]:
        """The hangs that the stacks of a process prove; none until it has been seen twice with the same waits.

        Args:
            facts: of its recording up to now.
            waits: those that have lasted.
            now_ns: on the recording's clock.
        """
        process, now = facts.process, time.monotonic()
        before, asked_s = self._done.get(process, (frozenset(), now - PAUSE_S))
        if not waits or waits <= before or now - asked_s < PAUSE_S:
            return self._found.get(process, ())
        first = self._first.get(process)
        if first is not None and first.waits <= waits and now - first.at_s < BETWEEN_S:
            return ()
        known = ages(facts, now_ns)
        try:
            if first is None or not first.waits <= waits:
                if self._left:
                    self._left -= 1
                    self._first[process] = _First(waits, now, take(process, self._have, pause=False))
                return ()
            snapshots = [with_ages(s, known) for s in (first.snapshot, take(process, self._have, pause=False))]
        except DumpError:  # it has ended, or may not be looked into
            self._done[process] = waits, now
            return ()
        del self._first[process]
        self._done[process] = waits, now
        self._found[process] = self._judged(process, snapshots)
        return self._found[process]

    def _judged(self, process: int, snapshots: Sequence[Snapshot]) -> Sequence[Finding]:
        roots = [Path.cwd()]
        prefix = Path(f"/proc/{process}/root")
        findings = check_dumps(snapshots, roots=roots, prefix=prefix, whole=True, kind="process").findings
        return [f for f in findings if f.confidence is Confidence.OBSERVED and f.hazard in HANGS]
