"""Which of a run's processes was forked from which, so that each is told after its parent, and with it.

Threads: one thread; reading headers blocks on the disk.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paramedic.analysis.rewrites import Rewrite
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.model.finding import Step
from paramedic.trace.reader import header_of


@dataclass(slots=True)
class Member:
    """One process's file.

    Attributes:
        path: the file.
        process: its id; 0 if unknown.
        started_ns: when its recording began.
        parent: the file of the process from which it was forked, if that is in the recording.
        forks: when it was forked itself, ascending.
    """

    path: Path
    process: int
    started_ns: int
    parent: Path | None = None
    forks: list[int] = field(default_factory=list)


class Family:
    """The processes of one recording, and the facts of those that others were forked from."""

    def __init__(self) -> None:
        """Nobody is known yet."""
        self._members: dict[Path, Member] = {}
        self._parents: dict[Path, RunFacts] = {}
        self._rewrites: list[tuple[Rewrite, Step]] = []
        self._base_ns = 0

    def add(self, paths: Iterable[Path]) -> list[Path]:
        """More files; gives them back in the order in which they began, those without a readable header at the end."""
        strange: list[Path] = []
        fresh: list[tuple[Member, dict[str, Any]]] = []
        for path in paths:
            header = header_of(path)
            if header is None:
                strange.append(path)
                continue
            member = Member(path, int(header.get("process") or 0), int(header.get("started_ns") or 0))
            self._members[path] = member
            fresh.append((member, header))
        fresh.sort(key=lambda pair: pair[0].started_ns)
        for member, header in fresh:
            if header.get("forked"):
                self._place(member, int(header.get("parent") or 0))
        return [*(member.path for member, _ in fresh), *strange]

    def _place(self, child: Member, parent: int) -> None:
        # A process id may be used again: the parent is the latest of them that began before the fork.
        older = [m for m in self._members.values() if m.process == parent and m.started_ns <= child.started_ns]
        found = max(older, key=lambda m: m.started_ns, default=None)
        if found is not None and found is not child:
            child.parent = found.path
            found.forks.append(child.started_ns)

    def introduce(self, path: Path, facts: RunFacts) -> None:
        """Tell the facts of a process, before they are fed, who its relatives are.

        Of processes the parent has to be introduced first.
        """
        member = self._members.get(path)
        if member is None:
            return
        if member.parent is not None:
            facts.forks.parent = self._parents.get(member.parent)
        facts.rewrites.others = self._rewrites
        facts.forks.times = member.forks  # it may grow while a running program is followed
        if member.forks:
            self._parents[path] = facts

    def date(self, facts: RunFacts) -> None:
        """Let the findings of all processes count their seconds from the same moment; after facts were fed."""
        self._base_ns = self._base_ns or facts.first_ns
        facts.base_ns = self._base_ns

    def remember(self, facts: RunFacts) -> None:
        """Keep of a process's facts what is told with those of others; once they are judged."""
        story = Story(facts)
        self._rewrites += ((rewrite, story.call(rewrite.call)) for rewrite in facts.rewrites.own)


def still_runs(header: Mapping[str, Any]) -> bool:
    """Whether the process of a recording runs at this moment, on this machine (as far as Linux tells).

    Args:
        header: of its file.
    """
    process, started_ns = int(header.get("process") or 0), int(header.get("started_ns") or 0)
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        began_s = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return False
    # its id may be another process's by now: that one has begun later
    return fields[0] != b"Z" and 0 < began_s <= started_ns / 1e9 + 1


def has_ended(header: Mapping[str, Any]) -> bool:
    """Whether the process of a recording surely runs no more: on Linux, which tells.

    Args:
        header: of its file.
    """
    return os.path.exists("/proc/self/stat") and not still_runs(header)
