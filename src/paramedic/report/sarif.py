"""The report as SARIF 2.1.0 (OASIS), which code hosts and editors show beside the source.

A finding is a result; its story is a code flow with one thread flow for each thread (section 3.36), whose locations
carry the order in which things happened across threads (``executionOrder``, section 3.38.11).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote

from paramedic import __version__
from paramedic.model.finding import Confidence, Finding, Site, Step
from paramedic.model.hazard import Hazard
from paramedic.model.report import Elsewhere, Report
from paramedic.report.excerpt import file_alone

SCHEMA_URI = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {Confidence.OBSERVED: "error", Confidence.POSSIBLE: "warning", Confidence.ADVICE: "note"}


def report_as_sarif(
    report: Report,
    hazards: Mapping[str, Hazard],
    *,
    pages: Mapping[str, str] | None = None,
    warnings: Sequence[str] = (),
    here: Path | None = None,
) -> str:
    """One SARIF log, ASCII only, with a line end.

    Args:
        report: what was found.
        hazards: by name: the rules.
        pages: Markdown help by hazard name.
        warnings: sentences about the user's own settings; they become notifications.
        here: paths below this folder become relative to ``SRCROOT``; default: the current folder.

    Threads: pure but for asking for the current folder.
    """
    here = here or Path.cwd()
    shown = list(report.findings) + [f for f, _ in report.suppressed]
    rules = [hazards[name] for name in dict.fromkeys(f.hazard for f in shown) if name in hazards]
    index = {h.name: i for i, h in enumerate(rules)}
    results = [_result(f, index, here) for f in report.findings]
    for finding, reason in report.suppressed:
        kind = "external" if isinstance(reason, Elsewhere) else "inSource"
        results.append(_result(finding, index, here) | {"suppressions": [{"kind": kind, "justification": reason}]})
    run = {
        "tool": {
            "driver": {
                "name": "Paramedic",
                "semanticVersion": __version__,
                "rules": [_rule(h, (pages or {}).get(h.name, "")) for h in rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"SRCROOT": {"uri": here.as_uri().rstrip("/") + "/"}},
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [
                    *({"level": "warning", "message": {"text": g.detail or g.reason}} for g in report.gaps),
                    *({"level": "note", "message": {"text": w}} for w in warnings),
                ],
            }
        ],
        "results": results,
    }
    return json.dumps({"$schema": SCHEMA_URI, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(hazard: Hazard, page: str) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": hazard.code,
        "name": hazard.name,
        "shortDescription": {"text": hazard.summary},
        "fullDescription": {"text": f"{hazard.symptom}. {hazard.why}."},
        "help": {"text": hazard.fix} | ({"markdown": page} if page else {}),
        "properties": {"tags": ["concurrency", str(hazard.family)]},
    }
    if hazard.upstream:
        rule["helpUri"] = hazard.upstream[0]
    return rule


def _result(finding: Finding, index: Mapping[str, int], here: Path) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "level": LEVELS[finding.confidence],
        "message": {"text": finding.message + (f"\nFix: {finding.fix}" if finding.fix else "")},
        "occurrenceCount": finding.count,
        "properties": {"confidence": str(finding.confidence), "hazard": finding.hazard},
    }
    if finding.hazard in index:
        result["ruleIndex"] = index[finding.hazard]
    if finding.site is not None:
        result["locations"] = [_location(finding.site, here)]
    flows = _thread_flows(finding.steps, here)
    if flows:
        result["codeFlows"] = [{"message": {"text": finding.message}, "threadFlows": flows}]
    if finding.edits:
        result["fixes"] = [_fix(finding, here)]
    return result


def _thread_flows(steps: Sequence[Step], here: Path) -> list[dict[str, Any]]:
    """One flow for each thread. A step without a site is told with its message alone, which SARIF allows."""
    flows: dict[str, list[dict[str, Any]]] = {}
    for order, step in enumerate(steps, 1):
        location: dict[str, Any] = {} if step.site is None else _location(step.site, here)
        location["message"] = {"text": f"{step.thread} {step.what}"}
        entry: dict[str, Any] = {"location": location, "executionOrder": order, "importance": "essential"}
        if step.stack:
            entry["stack"] = {"frames": [{"location": _location(s, here)} for s in step.stack]}
        if step.locks:
            entry["state"] = {"locks": {"text": ", ".join(step.locks)}}
        flows.setdefault(step.thread, []).append(entry)
    return [{"id": thread, "locations": locations} for thread, locations in flows.items()]


def _location(site: Site, here: Path) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": _artifact(site.file, here)}
    if site.line:
        physical["region"] = {"startLine": site.line}
    location: dict[str, Any] = {"physicalLocation": physical}
    if site.function:
        location["logicalLocations"] = [{"name": site.function, "kind": "function"}]
    return location


def _artifact(file: str, here: Path) -> dict[str, Any]:
    path = PurePath(file_alone(file))
    if path.is_absolute() and not path.is_relative_to(here):
        return {"uri": "file://" + quote(os.fsencode(path.as_posix()))}
    relative = path.relative_to(here) if path.is_absolute() else path
    return {"uri": quote(os.fsencode(relative.as_posix())), "uriBaseId": "SRCROOT"}


def _fix(finding: Finding, here: Path) -> dict[str, Any]:
    changes: dict[str, list[dict[str, Any]]] = {}
    for edit in finding.edits:
        # Whole lines: the region ends at the first column of the line after the last.
        region = {"startLine": edit.first_line, "startColumn": 1, "endLine": edit.last_line + 1, "endColumn": 1}
        change = {"deletedRegion": region, "insertedContent": {"text": edit.text}}
        changes.setdefault(edit.file, []).append(change)
    return {
        "description": {"text": finding.fix or finding.message},
        "artifactChanges": [
            {"artifactLocation": _artifact(file, here), "replacements": each} for file, each in changes.items()
        ],
    }
