"""From what was found in a test to what pytest is told: the user's rules applied, the stories written.

Threads: one thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from paramedic.check import DEFAULT_STALL_S
from paramedic.check.configuration import Configuration, ConfigurationError, read_configuration
from paramedic.check.following import Followed
from paramedic.check.merging import merged
from paramedic.check.suppression import names_hazard, suppress
from paramedic.hazards.catalogue import CATALOGUE
from paramedic.model.finding import Confidence, Finding
from paramedic.model.report import Gap, Report, finding_to_json
from paramedic.report.excerpt import shown_path
from paramedic.report.layout import plain
from paramedic.report.story import Teller


class Answering:
    """Answers questions about one recording.

    Attributes:
        configuration: what the project says, in whose folder the tests run.

    Threads: one thread.
    """

    def __init__(self, followed: Followed) -> None:
        """Reads the settings of the project in whose folder the tests run."""
        self._followed = followed
        self._hazards = {hazard.name: hazard for hazard in CATALOGUE}
        self._notes: list[str] = []
        try:
            self.configuration = read_configuration(Path.cwd())
        except (ConfigurationError, OSError) as error:
            self.configuration = Configuration()
            self._notes.append(str(error))

    @property
    def stall_s(self) -> float:
        """How long something must have waited to be told as a hang."""
        return DEFAULT_STALL_S if self.configuration.stall_s is None else self.configuration.stall_s

    def answer(self, until_ns: int, allow: Sequence[str], fail_on: str, width: int) -> dict[str, Any]:
        """See `paramedic.pytest_plugin.analyst.Analyst.ask`."""
        found, gaps = self._followed.chapter(until_ns)
        hidden = [f for f in found if any(names_hazard(name, f) for name in allow)]
        report = Report(source={"kind": "recording"}, findings=merged(f for f in found if f not in hidden))
        result = suppress(report, self.configuration)
        findings = result.report.findings
        failing = [f for f in findings if fails(f, fail_on)]
        notes, self._notes = self._notes, []
        return {
            "findings": [finding_to_json(f) for f in findings],
            "failing": len(failing),
            "headline": _headline(failing),
            "text": self._text([*failing, *(f for f in findings if f not in failing)], width),
            "allowed": len(hidden),
            "suppressed": len(result.report.suppressed),
            "gaps": [*notes, *map(_words, gaps), *result.warnings],
        }

    def _text(self, findings: Sequence[Finding], width: int) -> str:
        processes = {f.process for f in findings}
        teller = Teller(self._hazards, width=width, several_processes=len(processes) > 1)
        return "\n".join(plain(teller.story(finding)) for finding in findings)


def _headline(failing: Sequence[Finding]) -> str:
    """What pytest's short summary shows of a test."""
    if not failing:
        return ""
    first = failing[0]
    where = f" at {shown_path(first.site.file)}:{first.site.line}" if first.site else ""
    more = f", and {len(failing) - 1} more" if len(failing) > 1 else ""
    return f"paramedic: {first.confidence} {first.hazard}{where}{more}"


def fails(finding: Finding, fail_on: str) -> bool:
    """Whether a finding of this confidence fails its test.

    Threads: pure.
    """
    return fail_on != "never" and finding.confidence.rank <= Confidence(fail_on).rank


def _words(gap: Gap) -> str:
    return gap.detail or gap.reason
