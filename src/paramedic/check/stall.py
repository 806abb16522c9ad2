"""A hang told while it hangs: look at the recording of a running program now and then.

Told is only what nothing can end: circles of locks, full windows, callbacks that keep their transport's thread,
workers that wait for their own pool. A thread that waits for a quiet server is idle; whether its peer is dead cannot
be seen from here until the program is ended, unless it owes the answer to a request.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.analysis.waits import own_coroutines, own_locks
from paramedic.check.copying import in_a_copy
from paramedic.check.families import has_ended
from paramedic.check.recording import import_lenses, judged, new_facts
from paramedic.check.told import keep
from paramedic.model.event import Kind
from paramedic.model.finding import Confidence, Finding, Site
from paramedic.model.report import Report, finding_from_json, finding_to_json
from paramedic.trace.following import TraceFollower
from paramedic.trace.reader import RecordingError, find_traces

HANGS = frozenset(
    "exit-status-before-output undrained-stderr undrained-output-while-writing lock-order-inversion "
    "callback-blocks-transport call-on-transport-thread pool-starvation pool-drained finalizer-deadlock "
    "rekey-deadlock prefetch-stall connect-at-import signal-handler-reenters exit-blocked select-pipe-race "
    "shared-sftp-client proxy-stderr-full wait-without-timeout keepalive-is-not-a-timeout "
    "lost-exception".split()
)
_TOLD_LIVE = HANGS | {"forked-connection"}
"""Of a child that waits on its parent's connection nothing else has to be looked at: it waits for ever."""
Second = Callable[[RunFacts, frozenset[tuple[int, int]], int], Sequence[Finding]]
"""What else knows about a process: its facts, which threads wait since when, and what time it is."""
Places = set[tuple[str, Site | None]]
"""Names of threads, and where in the user's code each of them waits."""
_SHARE = 0.2
"""Most of the time that may go into looking; where it takes long, it is done less often."""
_OLDER = 0.1
"""By how much of its age the youngest wait grows older before all is judged again though nothing has changed."""
Waits = frozenset[tuple[int, int]]
"""Threads, and since when each of them waits."""


@dataclass(slots=True)
class _Followed:
    """One process's file, with the facts so far.

    Attributes:
        follower: reads what has come.
        facts: what that says.
        waits: which waits had lasted when they were last judged.
        hangs: what was found then.
        again_ns: when they are judged again, if nothing of this changes.
    """

    follower: TraceFollower
    facts: RunFacts
    waits: Waits | None = None
    hangs: list[Finding] = field(default_factory=list)
    again_ns: int = 0

    def feed(self, now_ns: int) -> None:
        """What has come since the last time."""
        events = self.follower.events(now_ns)
        if any(event[7] == Kind.END for event in events):  # who was to end another's wait, perhaps
            self.again_ns = 0
        self.facts.feed_some(events)

    def judge(self, now_ns: int, since_ns: int) -> None:
        """Look for hangs, if there is something new to look at."""
        waits = _lasting(self.facts, since_ns)
        if waits == self.waits and now_ns < self.again_ns:
            return
        import_lenses()
        told = in_a_copy(lambda: _judged(self.facts, now_ns, since_ns))
        self.hangs = [finding_from_json(f) for f in told or ()]
        self.waits = waits
        youngest_ns = now_ns - max((began_ns for _, began_ns in waits), default=since_ns)
        self.again_ns = now_ns + int(youngest_ns * _OLDER)


class StallWatch:
    """Looks at one run's recording, and tells each hang once.

    The machines go on from where they are, so that the work grows with what was recorded since and not with all of it;
    they are judged only when something waits for long, and has not been judged before.

    Args:
        folder: where the run is recorded.
        stall_s: how long something must have waited.
        tell: gets a report of what is new, and says whether there is something in it that the user wants to know.
        second: asked about a process that stands still though its recording does not say why.

    Threads: one thread; `tick` blocks while it reads what was recorded so far.
    """

    def __init__(
        self, folder: Path, stall_s: float, tell: Callable[[Report], bool], second: Second | None = None
    ) -> None:
        self._folder = folder
        self._second = second
        self._stall_ns = int(stall_s * 1e9)
        self._tell = tell
        self._files: dict[Path, _Followed | None] = {}
        self._told: dict[tuple[str, int | None], list[frozenset[Site]]] = {}
        self._kept: list[Finding] = []
        self._next = time.monotonic() + stall_s
        self._pause_s = min(stall_s, 1.0)

    def now(self) -> None:
        """Look at the next tick, however early it comes."""
        self._next = 0.0

    def tick(self) -> bool:
        """Look, if it is time to; returns whether something new hangs and was told."""
        now = time.monotonic()
        if now < self._next:
            return False
        new = self.look(time.monotonic_ns())
        spent = time.monotonic() - now
        self._next = time.monotonic() + max(self._pause_s, spent / _SHARE)
        if not new:
            return False
        self._kept += new
        keep(self._folder, self._kept)
        source = {"kind": "recording", "path": str(self._folder), "live": True}
        return self._tell(Report(source=source, findings=tuple(new)))

    def look(self, now_ns: int) -> list[Finding]:
        """The hangs at this moment that have not been told yet.

        Args:
            now_ns: on the recording's clock.
        """
        found: list[Finding] = []
        since_ns = now_ns - self._stall_ns
        for one in self._opened():
            try:
                one.feed(now_ns)
            except RecordingError:
                continue
            if one.facts.states.orderly_end or not one.facts.waits_since(since_ns):
                continue
            one.judge(now_ns, since_ns)
            found += one.hangs
            if not one.hangs and self._second is not None:
                found += self._second(one.facts, one.waits or frozenset(), now_ns)
        return [f for f in found if self._is_new(f)]

    def _opened(self) -> list[_Followed]:
        try:
            paths = find_traces(self._folder)
        except RecordingError:
            return []
        for path in paths:
            if path not in self._files:
                try:
                    follower = TraceFollower(path)
                except RecordingError:  # it has no header yet
                    continue
                facts = new_facts(follower.trace)
                facts.live = True
                self._files[path] = _Followed(follower, facts)
        for path, one in self._files.items():
            if one is not None and (one.facts.states.orderly_end or has_ended(one.follower.trace.header)):
                one.follower.close()  # of programs with many children few files are open
                self._files[path] = None
        return [one for one in self._files.values() if one is not None]

    def _is_new(self, finding: Finding) -> bool:
        """Whether its story was not told yet, nor a smaller or larger one: others may have run into the same wait."""
        told = self._told.setdefault((finding.hazard, finding.process), [])
        sites = frozenset(finding.sites)
        if any(sites <= known or known <= sites for known in told):
            return False
        told.append(sites)
        return True


def _judged(facts: RunFacts, now_ns: int, since_ns: int) -> list[dict[str, Any]]:
    """The hangs of which the facts speak, as if all ended now."""
    facts.finish(now_ns)
    waiting, loop_stands = _waiting(facts, since_ns), bool(own_locks(facts) or own_coroutines(facts))
    return [finding_to_json(f) for f in judged(facts, []) if _hangs(f, waiting, loop_stands)]


def _hangs(finding: Finding, waiting: Places, loop_stands: bool) -> bool:
    """Whether one of its threads waits at this moment, at the place of which the finding speaks."""
    hangs = finding.hazard in _TOLD_LIVE or loop_stands and finding.hazard == "blocking-the-event-loop"
    if not hangs or finding.confidence is not Confidence.OBSERVED:
        return False
    return any(
        (thread, step.site) in waiting or (thread, None) in waiting
        for step in finding.steps
        for thread in {step.thread, step.thread.partition(" of process ")[0]}
    )


def _lasting(facts: RunFacts, since_ns: int) -> Waits:
    """Which threads have waited since then, and since when exactly."""
    calls = ((c.thread, c.began_ns) for c in facts.open.all() if c.name not in ("Transport.run", "Loop.run_forever"))
    locks = ((w.thread, w.began_ns) for w in facts.locks.waiting.values())
    rests = ((thread, rest.t_ns) for thread, rest in facts.loop_rests.now.items())
    return frozenset((thread, began_ns) for thread, began_ns in (*calls, *locks, *rests) if began_ns <= since_ns)


def _waiting(facts: RunFacts, since_ns: int) -> Places:
    """Which threads have waited since then, and where; a place None is any: what a finalizer waits for has no call."""
    story = Story(facts)
    places: Places = set()

    def add(thread: int, stack: int, t_ns: int) -> None:
        places.add((facts.world.thread_name(thread), story.place(stack, thread, t_ns)[0]))

    for call in facts.open.all():
        if call.began_ns <= since_ns and call.name not in ("Transport.run", "Loop.run_forever"):
            add(call.thread, call.stack, call.began_ns)
    for task in facts.loop_rests.standing(facts):
        if task.t_ns <= since_ns:
            add(task.thread, task.stack, task.t_ns)
    for wait in facts.locks.waiting.values():
        if wait.began_ns <= since_ns:
            add(wait.thread, wait.stack, wait.began_ns)
    for drained in facts.pools.drained.values():
        for call in drained.waits:  # perhaps in rounds, of which each is short
            if not call.ended_ns and facts.end_ns - drained.longest_ns <= since_ns:
                add(call.thread, call.stack, call.began_ns)
    for thread in facts.finalizing:
        places.add((facts.world.thread_name(thread), None))
    return places
