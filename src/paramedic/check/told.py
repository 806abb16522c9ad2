"""What was said of a program while it hung, kept beside its recording for the report at the end.

Ctrl-C ends waits that nothing else would have ended, and of what the stacks proved the recording says nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from paramedic.model.finding import Confidence, Finding
from paramedic.model.report import finding_from_json, finding_to_json

NAME = "told.json"
_UNEXPLAINED = frozenset(("wait-without-timeout", "keepalive-is-not-a-timeout"))
"""What is said of a wait for want of a better story: if the answer comes after all, there was none.

With a reason of its own it is a story: those who might have ended the wait have ended.
"""


def keep(folder: Path, findings: Iterable[Finding]) -> None:
    """Keeps what was found; its owner alone may read it, as the recording.

    Args:
        folder: the recording's.
        findings: all that was said so far.

    Threads: one thread of the parent; a disk that is full is passed over.
    """
    fresh = folder / f"{NAME}.new"
    try:
        with open(fresh, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            json.dump([finding_to_json(f) for f in findings if f.hazard not in _UNEXPLAINED or f.why], file)
        fresh.replace(folder / NAME)
    except OSError:
        pass


def kept(folder: Path) -> list[Finding]:
    """What was kept; nothing where nothing was, or where it cannot be read.

    Threads: any; reads a small file.
    """
    try:
        return [finding_from_json(one) for one in json.loads((folder / NAME).read_text())]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def with_told(findings: Sequence[Finding], told: Iterable[Finding]) -> list[Finding]:
    """The findings of a recording with what was said beside it.

    What the recording tells itself is not told twice, and that a wait has no timeout is not said of one that is
    explained now.

    Threads: pure.
    """
    more = [t for t in told if not any(_same_story(f, t) for f in findings)]
    places = {place for finding in more for place in finding.places}
    # a callback of put() that waits for a lock: the thread is in put(), too
    inside = {(step.thread, s.file, s.line) for finding in more for step in finding.steps for s in step.stack}

    def is_explained(finding: Finding) -> bool:
        at = {(step.thread, step.site.file, step.site.line) for step in finding.steps if step.site is not None}
        return finding.hazard in _UNEXPLAINED and bool(places & finding.places or inside & at)

    kept_ones = [f for f in findings if not is_explained(f)]
    return [*kept_ones, *more]


def _same_story(recorded: Finding, told: Finding) -> bool:
    if recorded.hazard in _UNEXPLAINED:
        return recorded.hazard == told.hazard
    if recorded.hazard == told.hazard:
        # stacks without a line of the program's, as of asyncio.to_thread(sftp.stat, …), have no place of their own
        nowhere = not told.places and recorded.process == told.process and recorded.confidence is Confidence.OBSERVED
        return nowhere or bool(recorded.places & told.places)
    alike = recorded.places <= told.places or told.places <= recorded.places
    return alike and bool(recorded.places) and recorded.confidence is Confidence.OBSERVED
