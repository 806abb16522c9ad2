"""The one JSON object that every command writes, and back.

Schema 1 is documented in ``docs/reference/json.md``. Fields may be added, never renamed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from paramedic.model.finding import Confidence, Edit, Finding, Site, Step

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Something that was not seen, and why.

    Attributes:
        reason: a slug that the documentation explains (``disk-full``, ``chunk-dropped``, ``patch-failed`` …).
        detail: a sentence for people.
        count: how many events or places, where that is known.
    """

    reason: str
    detail: str
    count: int = 1


class Elsewhere(str):
    """The reason why a finding is hidden, where it does not stand in the source: in a configuration or a baseline."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one command found.

    Attributes:
        source: what was looked at: ``kind`` (run, recording, dump, log, source) and whatever describes it.
        findings: strongest first.
        suppressed: findings that a rule of the user's hid, each with the reason that the user gave.
        gaps: what was not seen.
    """

    source: Mapping[str, Any]
    findings: tuple[Finding, ...]
    suppressed: tuple[tuple[Finding, str], ...] = ()
    gaps: tuple[Gap, ...] = field(default=())


def report_to_json(report: Report) -> dict[str, Any]:
    """Plain dictionaries and lists, ready for `json.dumps`.

    Threads: pure.
    """
    return {
        "schema": SCHEMA,
        "source": dict(report.source),
        "findings": [finding_to_json(f) for f in report.findings],
        "suppressed": len(report.suppressed),
        "suppressions": [
            {"hazard": f.hazard, "code": f.code, "site": _site_to_json(f.site), "reason": reason}
            for f, reason in report.suppressed
        ],
        "gaps": [{"reason": g.reason, "detail": g.detail, "count": g.count} for g in report.gaps],
    }


def finding_to_json(finding: Finding) -> dict[str, Any]:
    """One finding as plain values.

    Threads: pure.
    """
    return {
        "hazard": finding.hazard,
        "code": finding.code,
        "confidence": str(finding.confidence),
        "message": finding.message,
        "site": _site_to_json(finding.site),
        "steps": [
            {
                "thread": s.thread,
                "site": _site_to_json(s.site),
                "what": s.what,
                "stack": [_site_to_json(x) for x in s.stack],
                "locks": list(s.locks),
                "at_s": s.at_s,
            }
            for s in finding.steps
        ],
        "objects": list(finding.objects),
        "why": finding.why,
        "symptom": finding.symptom,
        "fix": finding.fix,
        "edits": [
            {"file": e.file, "first_line": e.first_line, "last_line": e.last_line, "text": e.text, "safe": e.safe}
            for e in finding.edits
        ],
        "upstream": list(finding.upstream),
        "count": finding.count,
        "process": finding.process,
    }


def finding_from_json(data: Mapping[str, Any]) -> Finding:
    """The inverse of `finding_to_json`; unknown fields are passed over, missing optional ones take their defaults.

    Raises:
        KeyError: a required field is missing.
        ValueError: the confidence is not one of the three.

    Threads: pure.
    """
    return Finding(
        hazard=data["hazard"],
        code=data["code"],
        confidence=Confidence(data["confidence"]),
        message=data["message"],
        steps=tuple(
            Step(
                thread=s["thread"],
                what=s["what"],
                site=_site_from_json(s.get("site")),
                stack=tuple(x for x in map(_site_from_json, s.get("stack", ())) if x is not None),
                locks=tuple(s.get("locks", ())),
                at_s=s.get("at_s"),
            )
            for s in data.get("steps", ())
        ),
        objects=tuple(data.get("objects", ())),
        why=data.get("why", ""),
        symptom=data.get("symptom", ""),
        fix=data.get("fix") or "",
        edits=tuple(Edit(**e) for e in data.get("edits", ())),
        upstream=tuple(data.get("upstream", ())),
        count=data.get("count", 1),
        process=data.get("process"),
    )


def _site_to_json(site: Site | None) -> dict[str, Any] | None:
    return None if site is None else {"file": site.file, "line": site.line, "function": site.function}


def _site_from_json(data: Mapping[str, Any] | None) -> Site | None:
    return None if data is None else Site(file=data["file"], line=data["line"], function=data.get("function", ""))
