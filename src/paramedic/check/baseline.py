"""A baseline: the findings of today, so that only new ones are told tomorrow."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

from paramedic.model.finding import Finding
from paramedic.model.report import Elsewhere, Report
from paramedic.report.excerpt import Excerpts, shown_path

_FORM = 1


class BaselineError(ValueError):
    """A baseline file cannot be read; the message is a sentence that names it."""


def identities(report: Report) -> Counter[str]:
    """What a baseline remembers of findings: hazard, file, function and the text of the line, not its number.

    Threads: any; reads the findings' files.
    """
    excerpts = Excerpts()
    return Counter(_identity(f, excerpts) for f in report.findings)


def _identity(finding: Finding, excerpts: Excerpts) -> str:
    site = finding.site
    if site is None:
        return f"{finding.hazard}||{finding.message}"
    return "|".join((finding.hazard, Path(shown_path(site.file)).as_posix(), site.function, excerpts.line(site)))


def write_baseline(report: Report, path: Path) -> None:
    """Writes the findings of a report as a baseline.

    Raises:
        BaselineError: the file cannot be written.

    Threads: any; writes a file.
    """
    data = {"paramedic-baseline": _FORM, "findings": dict(sorted(identities(report).items()))}
    try:
        path.write_text(json.dumps(data, indent=2, ensure_ascii=True) + "\n", encoding="utf-8")
    except OSError as error:
        raise BaselineError(f"cannot write the baseline {path}: {error.strerror or error}") from None


def without_known(report: Report, path: Path) -> Report:
    """The report without the findings of a baseline, which become suppressed ones.

    Raises:
        BaselineError: the file is not there or is no baseline.

    Threads: any; reads files.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        known = Counter({str(k): int(v) for k, v in data["findings"].items()})
    except OSError as error:
        raise BaselineError(f"cannot read the baseline {path}: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BaselineError(f"{path} is no baseline; write one: paramedic lint --write-baseline {path}") from None
    excerpts = Excerpts()
    new: list[Finding] = []
    old: list[tuple[Finding, str]] = []
    for finding in report.findings:
        identity = _identity(finding, excerpts)
        if known[identity] > 0:
            known[identity] -= 1
            old.append((finding, Elsewhere(f"in the baseline {path}")))
        else:
            new.append(finding)
    return replace(report, findings=tuple(new), suppressed=(*report.suppressed, *old))
