"""Findings as JUnit XML, for whatever shows test results."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from paramedic.model.report import Report
from paramedic.report.excerpt import shown_path

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 does not allow (section 2.2)."""


def report_as_junit(report: Report) -> str:
    """One test suite for each file, one failure for each finding; one passed test where nothing was found.

    Threads: pure but for asking for the current folder.
    """
    total = str(len(report.findings))
    root = ElementTree.Element("testsuites", name="paramedic", tests=str(max(len(report.findings), 1)), failures=total)
    by_file: dict[str, list[ElementTree.Element]] = {}
    for finding in report.findings:
        site = finding.site
        path = _text(shown_path(site.file)) if site is not None else "?"
        line = site.line if site is not None else 0
        case = ElementTree.Element(
            "testcase", name=f"{finding.hazard}:{line}", classname=path, file=path, line=str(line)
        )
        failure = ElementTree.SubElement(case, "failure", message=_text(finding.message), type=finding.code)
        steps = [f"{s.thread} {s.what}" + (f" ({shown_path(s.site.file)}:{s.site.line})" if s.site else "")
                 for s in finding.steps]  # fmt: skip
        failure.text = _text("\n".join([finding.message, *steps]))
        by_file.setdefault(path, []).append(case)
    for path, cases in by_file.items():
        number = str(len(cases))
        suite = ElementTree.SubElement(root, "testsuite", name=path, tests=number, failures=number, errors="0")
        suite.extend(cases)
    if not by_file:
        suite = ElementTree.SubElement(root, "testsuite", name="paramedic", tests="1", failures="0", errors="0")
        ElementTree.SubElement(suite, "testcase", name="no hazards", classname="paramedic")
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _text(text: str) -> str:
    return _NOT_XML.sub("?", text)
