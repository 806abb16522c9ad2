"""The recording of a process that is dumped, joined to its dumps: ages, lock owners and windows that it knows.

A process that runs under ``paramedic run`` maps its recording's file, so that ``/proc`` says where it is. It is read
while the process hangs; nothing is asked of the process.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from paramedic.analysis.run import RunFacts
from paramedic.check.recording import facts_of, judged
from paramedic.check.stall import HANGS
from paramedic.dump.kernel import mapped_files
from paramedic.model.finding import Confidence, Finding
from paramedic.model.report import Gap
from paramedic.model.snapshot import Snapshot
from paramedic.trace.layout import SUFFIX
from paramedic.trace.reader import RecordingError, open_trace

MAX_BYTES = 256 << 20
"""A longer recording takes longer to read than somebody with a hanging process wants to wait: it is some 10 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What a process's recording says of this moment.

    Attributes:
        path: the recording's file.
        findings: the hangs that it shows.
        ages_s: for how long each thread has been in its call or at its lock, by the thread's name where that is clear.
        gaps: what could not be read.
    """

    path: Path
    findings: tuple[Finding, ...] = ()
    ages_s: Mapping[str, float] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()


def recorded(process: int) -> Recorded | None:
    """The recording of a running process, read up to now; None if it is not recorded.

    Threads: any; blocks while it reads the recording.
    """
    path = next((p for p in mapped_files(process) if p.name.endswith(SUFFIX)), None)
    if path is None:
        return None
    try:
        if path.stat().st_size > MAX_BYTES:
            detail = f"{path} is long: not joined to the dump, its own report says what it knows"
            return Recorded(path=path, gaps=(Gap(reason="recording-not-joined", detail=detail),))
        trace = open_trace(path)
    except (OSError, RecordingError) as error:
        return Recorded(path=path, gaps=(Gap(reason="recording-not-joined", detail=str(error)),))
    now_ns = time.monotonic_ns()
    try:
        facts = facts_of(trace, (now_ns, 0), live=True)
    finally:
        trace.close()
    gaps: list[Gap] = []
    found = tuple(replace(f, process=process) for f in judged(facts, gaps) if _is_now(f, facts))
    return Recorded(path=path, findings=found, ages_s=ages(facts, now_ns), gaps=tuple(gaps))


def _is_now(finding: Finding, facts: RunFacts) -> bool:
    """Whether it hangs at this moment; what happened earlier in the run is for the run's own report."""
    if finding.confidence is not Confidence.OBSERVED:
        return False
    wanted = {facts.world.name(wait.lock) for wait in facts.locks.waiting.values()}
    return finding.hazard in HANGS or (finding.hazard == "lock-held-across-io" and bool(wanted & {*finding.objects}))


def ages(facts: RunFacts, now_ns: int) -> dict[str, float]:
    """For how many seconds each thread has been in its call or at its lock, by its name where that is clear.

    Args:
        facts: of a running program.
        now_ns: on the recording's clock.

    Threads: pure.
    """
    began: dict[int, int] = {wait.thread: wait.began_ns for wait in facts.locks.waiting.values()}
    for call in facts.open.all():  # the innermost comes last
        if call.name != "Transport.run" and call.thread not in facts.locks.waiting:
            began[call.thread] = call.began_ns
    alike = Counter(t.name for t in facts.world.threads.values() if not t.ended_ns)
    return {
        thread.name: (now_ns - began[number]) / 1e9
        for number, thread in facts.world.threads.items()
        if number in began and alike[thread.name] == 1
    }


def with_ages(snapshot: Snapshot, ages_s: Mapping[str, float]) -> Snapshot:
    """The snapshot with the ages of its threads' calls.

    Threads: pure.
    """
    if not ages_s:
        return snapshot
    threads = (replace(t, in_call_s=ages_s.get(t.name, t.in_call_s)) for t in snapshot.threads)
    return replace(snapshot, threads=tuple(threads))


def joined(dumped: Sequence[Finding], known: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings of a dump with those of the recording: of a story that both tell the stronger telling is kept.

    Of two that are equally sure the recording's is, which has ages and names of objects in it.

    Threads: pure.
    """
    told = list(dumped)
    for finding in known:
        same = [f for f in told if _same_story(f, finding)]
        if any(f.confidence.rank < finding.confidence.rank for f in same):
            continue
        told = [f for f in told if not any(f is s for s in same)] + [finding]
    return tuple(told)


def _same_story(one: Finding, other: Finding) -> bool:
    if one.hazard != other.hazard or one.process != other.process:
        return False
    # The recording calls a transport's thread "Thread-2 (transport thread of …)".
    names = {s.thread.partition(" (")[0] for s in one.steps} & {s.thread.partition(" (")[0] for s in other.steps}
    return bool(one.places & other.places or names)
