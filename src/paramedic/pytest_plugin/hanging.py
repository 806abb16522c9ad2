"""A test that hangs is told while it hangs, by the process that looks at the recording anyway.

While no question comes, a test is at work. Once that has lasted as long as a wait may, the recording is looked at
again and again as `paramedic run` does, and what nothing can end is written to the terminal.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from paramedic.check.configuration import Configuration
from paramedic.check.suppression import names_hazard, suppress
from paramedic.hazards.catalogue import CATALOGUE
from paramedic.model.report import Report

if TYPE_CHECKING:
    from paramedic.check.stall import StallWatch

_PAUSE_S = 1.0


class Hanging:
    """Looks for hangs between two questions.

    Threads: one thread.
    """

    def __init__(self, folder: Path, stall_s: float, configuration: Configuration) -> None:
        """Nothing is looked at yet.

        Args:
            folder: of the recording.
            stall_s: how long something must have waited; 0: nothing is told.
            configuration: what the user allows.
        """
        self._folder, self._stall_s = folder, stall_s
        self._configuration = configuration
        self._watch: StallWatch | None = None
        self._test = ""
        self._allow: Sequence[str] = ()

    def begins(self, test: str, allow: Sequence[str]) -> None:
        """A test begins; these hazards are allowed in it."""
        self._test, self._allow = test, allow

    def next_line(self, requests: IO[bytes]) -> bytes:
        """The next line, as soon as it comes; blocks until then, and looks for hangs meanwhile."""
        raw: IO[bytes] = getattr(requests, "raw", requests)  # what is in a buffer, select() does not see
        pause_s = self._stall_s
        while self._stall_s:
            try:
                if select.select([raw], [], [], pause_s)[0]:
                    break
            except (OSError, ValueError):  # it is no pipe, or this system cannot wait for pipes
                break
            pause_s = _PAUSE_S
            self._look()
        return raw.readline()

    def _look(self) -> None:
        try:
            if self._watch is None:
                from paramedic.check.stall import StallWatch

                self._watch = StallWatch(self._folder, self._stall_s, self._tell)
                self._watch.now()
            self._watch.tick()
        except Exception as error:
            if os.environ.get("PARAMEDIC_DEBUG"):
                raise
            print(f"\nparamedic: cannot look for hangs: {type(error).__name__}: {error}", file=sys.stderr)
            self._stall_s = 0

    def _tell(self, report: Report) -> bool:
        from paramedic.report.terminal import write_report

        found = tuple(f for f in report.findings if not any(names_hazard(name, f) for name in self._allow))
        told = suppress(Report(source=report.source, findings=found), self._configuration).report
        if not told.findings:
            return False
        print(f"\nparamedic: {self._test or 'the test run'} hangs:", file=sys.stderr)
        write_report(told, {hazard.name: hazard for hazard in CATALOGUE}, sys.stderr)
        print("paramedic: it runs on until it ends or you end it", file=sys.stderr, flush=True)
        return True
