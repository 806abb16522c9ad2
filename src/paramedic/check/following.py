"""Follow a recording that is being written, and say at given moments what has been found since the last one.

The machines go on from where they are; each time a copy of this process looks at what they have, as if the program
ended there. So the work grows with what was recorded since, not with all of it.

Threads: one thread of a process that has no others.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from paramedic.analysis.run import RunFacts
from paramedic.check import chapters
from paramedic.check.copying import in_a_copy
from paramedic.check.families import Family
from paramedic.check.recording import import_lenses, judged, new_facts
from paramedic.model.event import Kind
from paramedic.model.finding import Finding
from paramedic.model.report import Gap, finding_from_json, finding_to_json
from paramedic.trace.following import TraceFollower
from paramedic.trace.reader import RecordingError, find_traces

_QUIET = frozenset(int(k) for k in (Kind.BEGIN, Kind.END, Kind.START, Kind.JOINED, Kind.GAP))
"""Events of which alone no finding is made."""
_UNSETTLED = frozenset({"leaked-connection", "proxy-command-leak"})
"""Hazards that are there until something has ended: a transport's thread looks for its end ten times a second."""
SETTLING_S = 0.3


class Followed:
    """The files of one folder, each with the facts so far."""

    def __init__(self, folder: Path) -> None:
        """Nothing is read yet."""
        self._folder = folder
        self._files: dict[Path, tuple[TraceFollower, RunFacts]] = {}
        self._before: list[Finding] = []
        self._family = Family()
        self._since_ns = 0
        self._gaps: set[Gap] = set()
        import_lenses()

    def chapter(self, until_ns: int) -> tuple[list[Finding], list[Gap]]:
        """What has been found since the last call.

        Args:
            until_ns: what happened later is left for the next chapter, unless something has to settle first.

        Threads: blocks, for `SETTLING_S` more where something seems to have been left behind.
        """
        if not self._fed(until_ns):
            self._since_ns = until_ns
            return [], []
        found, everything, all_gaps = self._new(until_ns)
        if any(f.hazard in _UNSETTLED for f in found):
            time.sleep(SETTLING_S)
            until_ns = time.monotonic_ns()
            self._fed(until_ns)
            found, everything, all_gaps = self._new(until_ns)
        self._before, self._since_ns = everything, until_ns
        for _, facts in self._files.values():
            facts.conflicts.begin_chapter()
        gaps = [g for g in all_gaps if g not in self._gaps]
        self._gaps.update(gaps)
        return found, gaps

    def _fed(self, until_ns: int) -> bool:
        """Feed what has come; whether there is something in it that findings are made of."""
        loud = False
        for follower, facts in self._opened():
            try:
                events = follower.events(until_ns)
            except RecordingError as error:
                self._gaps.add(Gap(reason="unreadable", detail=str(error)))
                continue
            loud = loud or any(event[7] not in _QUIET for event in events)
            facts.feed_some(events)
            self._family.date(facts)
        return loud

    def _new(self, until_ns: int) -> tuple[list[Finding], list[Finding], list[Gap]]:
        everything, gaps = self._looked_at(until_ns)
        base_ns = min((facts.base_ns for _, facts in self._files.values() if facts.base_ns), default=0)
        return chapters.newer(self._before, everything, self._since_ns - base_ns), everything, gaps

    def _opened(self) -> list[tuple[TraceFollower, RunFacts]]:
        try:
            paths = find_traces(self._folder)
        except RecordingError:
            return []
        opened = {path: follower for path in paths if path not in self._files and (follower := _follower(path))}
        for path in self._family.add(opened):
            facts = new_facts(opened[path].trace)
            self._family.introduce(path, facts)
            self._files[path] = opened[path], facts
        return list(self._files.values())

    def _looked_at(self, until_ns: int) -> tuple[list[Finding], list[Gap]]:
        """What the facts say as if all ended now."""
        data = in_a_copy(lambda: self._said(until_ns))
        if data is None:
            return [], [Gap(reason="lens-failed", detail="the recording could not be looked at")]
        return [finding_from_json(f) for f in data["findings"]], [Gap(**g) for g in data["gaps"]]

    def _said(self, until_ns: int) -> dict[str, Any]:
        findings: list[Finding] = []
        gaps: list[Gap] = []
        for follower, facts in self._files.values():
            facts.live = facts.stopped = True
            facts.finish(until_ns)
            findings += judged(facts, gaps)
            gaps += follower.trace.gaps + facts.gaps
        return {
            "findings": [finding_to_json(f) for f in findings],
            "gaps": [{"reason": g.reason, "detail": g.detail, "count": g.count} for g in gaps],
        }


def _follower(path: Path) -> TraceFollower | None:
    try:
        return TraceFollower(path)
    except RecordingError:  # it has no header yet
        return None
