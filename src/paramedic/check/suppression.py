"""Hiding findings that the user has looked at and accepted, with the reason that the user gave."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from paramedic.check.allowance import Allowances, read_allowances
from paramedic.check.configuration import Configuration, Ignore
from paramedic.model.finding import Finding
from paramedic.model.report import Elsewhere, Report

NO_REASON = "no reason given"
LARGEST_BYTES = 8_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppressed:
    """A report after the user's rules.

    Attributes:
        report: without the findings that they hide.
        warnings: a sentence for each rule that lacks a reason, names no hazard or allows something else.
    """

    report: Report
    warnings: tuple[str, ...] = ()


def suppress(
    report: Report, configuration: Configuration, read_source: Callable[[str], bytes] | None = None
) -> Suppressed:
    """Applies ``ignore`` of the configuration and the comments in the source of the findings' steps.

    Args:
        report: what was found.
        configuration: whose rules apply to all findings.
        read_source: gives the bytes of a file, b"" where it cannot be read; default: from disk.

    Threads: any thread; reads source files with the default ``read_source``.
    """
    comments = _Comments(read_source or _read)
    warnings: dict[str, None] = {}
    kept: list[Finding] = []
    hidden: list[tuple[Finding, str]] = list(report.suppressed)
    place = str(configuration.file or "")
    for rule in configuration.ignore:
        if rule.hazard:
            _warn_unknown(rule.hazard, place, warnings)
        if not rule.reason.strip():
            warnings[f"{place}: the rule that ignores {rule.hazard or rule.path} gives no reason"] = None
    for finding in report.findings:
        reason = _ignored(finding, configuration)
        if reason is None:
            reason = comments.reason_for(finding, warnings)
        if reason is None:
            comments.note_others(finding, warnings)
            kept.append(finding)
        else:
            hidden.append((finding, reason))
    return Suppressed(report=replace(report, findings=tuple(kept), suppressed=tuple(hidden)), warnings=tuple(warnings))


def _ignored(finding: Finding, configuration: Configuration) -> str | None:
    for rule in configuration.ignore:
        if (not rule.hazard or names_hazard(rule.hazard, finding)) and _path_matches(rule, finding, configuration):
            return Elsewhere(rule.reason.strip() or NO_REASON)
    return None


def _path_matches(rule: Ignore, finding: Finding, configuration: Configuration) -> bool:
    if not rule.path:
        return True
    pattern = rule.path.rstrip("/")
    for site in finding.sites:
        path = Path(os.path.normpath(Path.cwd() / site.file)).as_posix()
        folder = Path(os.path.normpath(Path.cwd() / configuration.folder)).as_posix().rstrip("/") + "/"
        relative = path.removeprefix(folder)
        if fnmatchcase(relative, pattern) or fnmatchcase(relative, pattern + "/*") or path == pattern:
            return True
    return False


def names_hazard(name: str, finding: Finding) -> bool:
    """Whether a name, code or alias (in any case, ``-`` or ``_``) means the finding's hazard.

    Threads: pure.
    """
    if name.lower().replace("_", "-") in (finding.hazard, finding.code.lower()):
        return True
    from paramedic.hazards.catalogue import UnknownHazard, by_name  # only where somebody allows something

    try:
        return by_name(name).name == finding.hazard
    except UnknownHazard:
        return False


class _Comments:
    """The allowances of the files that findings name; each file is read once."""

    def __init__(self, read_source: Callable[[str], bytes]) -> None:
        self._read_source = read_source
        self._files: dict[str, Allowances] = {}

    def reason_for(self, finding: Finding, warnings: dict[str, None]) -> str | None:
        for site in finding.sites:
            if site.file not in self._files:
                self._files[site.file] = read_allowances(site.file, self._read_source(site.file))
            for allowance in self._files[site.file].get(site.line, ()):
                place = f"{allowance.file}:{allowance.line}"
                for name in allowance.names:
                    _warn_unknown(name, place, warnings)
                if any(names_hazard(name, finding) for name in allowance.names):
                    if not allowance.reason:
                        warnings[f"{place}: allow[{finding.hazard}] gives no reason"] = None
                    return allowance.reason or NO_REASON
        return None

    def note_others(self, finding: Finding, warnings: dict[str, None]) -> None:
        """Tells a comment on the very line of a finding that allows something else, or nothing."""
        site = finding.site
        for allowance in self._files[site.file].get(site.line, ()) if site is not None else ():
            known = [name for name in allowance.names if _is_hazard(name)]
            place = f"{allowance.file}:{allowance.line}"
            if not allowance.names:
                warnings[f"{place}: the comment names no hazard: allow[{finding.hazard}] and the reason"] = None
            if known:
                warnings[f"{place}: allow[{', '.join(known)}] does not allow {finding.hazard}, which is told there"] = (
                    None
                )


def _is_hazard(name: str) -> bool:
    from paramedic.hazards.catalogue import UnknownHazard, by_name

    try:
        by_name(name)
    except UnknownHazard:
        return False
    return True


def _warn_unknown(name: str, place: str, warnings: dict[str, None]) -> None:
    from paramedic.hazards.catalogue import UnknownHazard, by_name

    try:
        by_name(name)
    except UnknownHazard as error:
        near = f"; did you mean {error.near[0]}?" if error.near else "; 'paramedic hazards' lists them"
        warnings[f"{place}: there is no hazard {name!r}{near}"] = None


def _read(file: str) -> bytes:
    try:
        path = Path(file)
        # Findings in logs name the log, which may be gigabytes; no source file is that long.
        return path.read_bytes() if path.is_file() and path.stat().st_size <= LARGEST_BYTES else b""
    except (OSError, ValueError):
        return b""
