"""From findings to an exit status: merge, suppress, judge."""

from __future__ import annotations

from dataclasses import dataclass, replace

from paramedic.check.configuration import Configuration
from paramedic.check.merging import merged
from paramedic.check.suppression import suppress
from paramedic.model.finding import Confidence
from paramedic.model.report import Report

FOUND_STATUS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a command tells and how it ends.

    Attributes:
        report: merged, sorted, without what the user suppressed.
        warnings: about the user's own rules.
        failed: whether there is a finding from the chosen confidence on.
    """

    report: Report
    warnings: tuple[str, ...]
    failed: bool

    @property
    def status(self) -> int:
        """Exit status for a command that has no program's status to pass on."""
        return FOUND_STATUS if self.failed else 0


def judge(report: Report, configuration: Configuration, *, fail_on: Confidence | None = None) -> Verdict:
    """The verdict on a report.

    Args:
        report: as the analysis left it.
        configuration: the user's rules.
        fail_on: findings of this confidence or a stronger one fail; None: as the configuration says.

    Threads: any thread; reads the source files that findings name.
    """
    result = suppress(replace(report, findings=merged(report.findings)), configuration)
    limit = fail_on or configuration.fail_on
    failed = limit is not None and any(f.confidence.rank <= limit.rank for f in result.report.findings)
    return Verdict(report=result.report, warnings=result.warnings, failed=failed)
