"""A program that was run, plainly or recorded, and what its recording says."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path

from paramedic.model.event import KINDS, Event, Kind
from paramedic.model.report import Gap
from paramedic.trace.reader import TraceFile, find_traces, open_trace

LIMIT_S = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A program that has ended.

    Attributes:
        status: as `subprocess` says it.
        out: its standard output.
        err: its standard error.
        folder: where it was recorded; None for a plain run.
    """

    status: int
    out: str
    err: str
    folder: Path | None = field(default=None, compare=False)

    def traces(self) -> list[TraceFile]:
        """The recordings, one for each process."""
        assert self.folder is not None
        # a process that the end of its pool kills as it begins has made its file, and put nothing into it
        return [open_trace(path) for path in find_traces(self.folder) if path.stat().st_size]

    def events(self) -> list[Event]:
        """Those of all processes, file by file."""
        return [event for trace in self.traces() for event in trace.events()]

    def kinds(self) -> Counter[str]:
        """How many events of which kind."""
        return Counter(KINDS[event.kind] for event in self.events())

    def gaps(self) -> list[Gap]:
        """What the recorder or the reader says is missing, without mere information."""
        found = []
        for trace in self.traces():
            for event in trace.events():
                if event.kind == Kind.GAP:
                    reason, _, detail = trace.texts.get(event.b, "").partition("\t")
                    found.append(Gap(reason=reason, detail=detail))
            found += trace.gaps
        return [gap for gap in found if gap.reason != "info"]

    def unlike(self, other: Done) -> str:
        """How it differs from another run of the same program, for people; empty if it does not."""
        sides = [f"status {d.status}\n--- out\n{d.out}\n--- err\n{d.err}".splitlines() for d in (other, self)]
        return "\n".join(unified_diff(*sides, "plain", "recorded", lineterm=""))


Run = Callable[..., Done]


def environment(tmp_path: Path) -> dict[str, str]:
    # a cache of its own: rewritten code of an earlier state of the recorder must not be found
    return {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}


def run_to_end(
    command: list[str], environment: dict[str, str], options: dict[str, object], folder: Path | None = None
) -> Done:
    how = {"capture_output": True, "text": True, "timeout": LIMIT_S, "env": environment, **options}
    done = subprocess.run(command, **how)  # type: ignore[call-overload]
    return Done(status=done.returncode, out=done.stdout, err=done.stderr, folder=folder)
