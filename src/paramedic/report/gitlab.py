"""Findings as a GitLab Code Quality report (the Code Climate subset that GitLab documents)."""

from __future__ import annotations

import hashlib
import json

from paramedic.model.finding import Confidence
from paramedic.model.report import Report
from paramedic.report.excerpt import Excerpts, file_alone, shown_path

_SEVERITIES = {Confidence.OBSERVED: "critical", Confidence.POSSIBLE: "major", Confidence.ADVICE: "info"}


def report_as_gitlab(report: Report, *, excerpts: Excerpts | None = None) -> str:
    """A JSON list of issues. The fingerprint does not change when lines above the finding do.

    Threads: as `Excerpts`.
    """
    excerpts = excerpts or Excerpts()
    seen: dict[str, int] = {}
    issues = []
    for finding in report.findings:
        site = finding.site
        path = shown_path(file_alone(site.file)) if site is not None else "."
        line = excerpts.line(site) if site is not None else finding.message
        identity = f"{finding.hazard}\0{path}\0{line}"
        seen[identity] = seen.get(identity, 0) + 1
        digest = hashlib.sha256(f"{identity}\0{seen[identity]}".encode("utf-8", "surrogateescape")).hexdigest()
        issues.append(
            {
                "description": f"{finding.code} {finding.hazard}: {finding.message}",
                "check_name": finding.hazard,
                "fingerprint": digest,
                "severity": _SEVERITIES[finding.confidence],
                "location": {"path": path, "lines": {"begin": max(site.line, 1) if site is not None else 1}},
            }
        )
    return json.dumps(issues, indent=2) + "\n"
