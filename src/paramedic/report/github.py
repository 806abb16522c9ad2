"""Findings as GitHub Actions workflow commands, which show as annotations beside the changed lines."""

from __future__ import annotations

import re

from paramedic.model.finding import Confidence, Finding
from paramedic.model.report import Report
from paramedic.report.escaping import printable
from paramedic.report.excerpt import file_alone, shown_path

_LEVELS = {Confidence.OBSERVED: "error", Confidence.POSSIBLE: "warning", Confidence.ADVICE: "notice"}


def report_as_github(report: Report) -> str:
    """One ``::warning file=…,line=…,title=…::message`` a line.

    GitHub decodes ``%25``, ``%0D``, ``%0A`` everywhere, ``%3A`` and ``%2C`` in properties (actions/toolkit,
    packages/core/src/command.ts).

    Threads: pure but for asking for the current folder.
    """
    lines = [_command(f) for f in report.findings]
    lines.extend(f"::notice title=Paramedic::{_data(gap.detail)}" for gap in report.gaps)
    return "".join(line + "\n" for line in lines)


def _command(finding: Finding) -> str:
    properties = []
    site = finding.site
    if site is not None:
        properties.append(f"file={_property(shown_path(file_alone(site.file)))}")
        properties.append(f"line={max(site.line, 1)}")
    properties.append(f"title={_property(f'{finding.code} {finding.hazard}')}")
    text = finding.message
    for step in finding.steps[1:]:
        if step.site is not None:
            text += f"\n{shown_path(step.site.file)}:{step.site.line}: {step.thread} {step.what}"
    return f"::{_LEVELS[finding.confidence]} {','.join(properties)}::{_data(text)}"


def _data(text: str) -> str:
    # A line end is told as GitHub wants it; whatever else a terminal would obey, or no encoding can write, is spelled.
    words = re.split("([\r\n])", text.replace("%", "%25"))
    return "".join({"\r": "%0D", "\n": "%0A"}.get(word) or printable(word) for word in words)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
