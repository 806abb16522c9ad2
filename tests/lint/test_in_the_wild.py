"""Real packages at pinned versions: the findings are the ones that were looked at, as the page of that name tells.

They are read where ``PARAMEDIC_WILD`` names the folder that ``benchmarks/lint_wild.py fetch`` filled.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from paramedic.check.lint import LintOptions, lint

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = json.loads((ROOT / "benchmarks" / "lint_wild.json").read_text())
WILD = os.environ.get("PARAMEDIC_WILD")


@pytest.mark.skipif(not WILD, reason="PARAMEDIC_WILD names no folder of packages (benchmarks/lint_wild.py fetch)")
@pytest.mark.parametrize("package", PACKAGES, ids=lambda p: p["name"])
def test_the_findings_are_the_ones_that_were_looked_at(package: dict[str, object]) -> None:
    target = Path(str(WILD)) / f"{package['name']}-{package['version']}"
    if not target.is_dir():
        pytest.skip(f"{target.name} is not in PARAMEDIC_WILD")
    found = []
    for finding in lint([target], LintOptions(jobs=1)).findings:
        assert finding.site is not None
        found.append(f"{finding.hazard} {Path(finding.site.file).relative_to(target).as_posix()}:{finding.site.line}")
    assert sorted(found) == package["findings"]


def test_the_page_names_every_package_and_finding() -> None:
    page = (ROOT / "docs" / "explanation" / "lint-in-the-wild.md").read_text()
    for package in PACKAGES:
        assert f"{package['name']} {package['version']}" in page
        for finding in package["findings"]:
            assert finding.split()[0] in page
