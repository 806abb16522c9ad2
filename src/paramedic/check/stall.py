"""A hang told while it hangs: look at the recording of a running program now and then.

Told is only what nothing can end: circles of locks, full windows, callbacks that keep their transport's thread,
workers that wait for their own pool. A thread that waits for a quiet server is idle; whether its peer is dead cannot
be seen from here until the program is ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from paramedic.check.recording import facts_of, judged
from paramedic.model.finding import Confidence, Finding
from paramedic.model.report import Gap, Report
from paramedic.trace.reader import RecordingError, find_traces, open_trace

HANGS = frozenset(
    "exit-status-before-output undrained-stderr undrained-output-while-writing lock-order-inversion "
    "callback-blocks-transport "
    "call-on-transport-thread pool-starvation pool-drained finalizer-deadlock rekey-deadlock prefetch-stall "
    "connect-at-import "
    "signal-handler-reenters exit-blocked select-pipe-race shared-sftp-client".split()
)
_SHARE = 0.2
"""Most of the time that may go into looking; a long recording is looked at less often."""


class StallWatch:
    """Looks at one run's recording, and tells each hang once.

    Args:
        folder: where the run is recorded.
        stall_s: how long something must have waited.
        tell: gets a report of what is new.

    Threads: one thread; `tick` blocks while it reads what was recorded so far.
    """

    def __init__(self, folder: Path, stall_s: float, tell: Callable[[Report], None]) -> None:
        self._folder = folder
        self._stall_ns = int(stall_s * 1e9)
        self._tell = tell
        self._told: set[tuple[object, ...]] = set()
        self._next = time.monotonic() + stall_s
        self._pause_s = min(stall_s, 1.0)

    def now(self) -> None:
        """Look at the next tick, however early it comes."""
        self._next = 0.0

    def tick(self) -> bool:
        """Look, if it is time to; returns whether something new hangs."""
        now = time.monotonic()
        if now < self._next:
            return False
        new = self.look(time.monotonic_ns())
        spent = time.monotonic() - now
        self._next = time.monotonic() + max(self._pause_s, spent / _SHARE)
        if new:
            source = {"kind": "recording", "path": str(self._folder), "live": True}
            self._tell(Report(source=source, findings=tuple(new)))
        return bool(new)

    def look(self, now_ns: int) -> list[Finding]:
        """The hangs at this moment that have not been told yet.

        Args:
            now_ns: on the recording's clock.
        """
        found: list[Finding] = []
        try:
            files = find_traces(self._folder)
        except RecordingError:
            return found
        for file in files:
            try:
                trace = open_trace(file)
                try:
                    facts = facts_of(trace, (now_ns, 0), live=True)
                finally:
                    trace.close()
            except RecordingError:
                continue
            if facts.states.orderly_end or not facts.waits_since(now_ns - self._stall_ns):
                continue
            gaps: list[Gap] = []
            found += [f for f in judged(facts, gaps) if self._hangs(f)]
        return [f for f in found if self._is_new(f)]

    def _hangs(self, finding: Finding) -> bool:
        return finding.hazard in HANGS and finding.confidence is Confidence.OBSERVED

    def _is_new(self, finding: Finding) -> bool:
        key = (finding.hazard, finding.process, finding.sites)
        if key in self._told:
            return False
        self._told.add(key)
        return True
