"""Every page's Before is found and its After is clean."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from paramedic.check.lint import LintOptions, lint
from paramedic.hazards.catalogue import CATALOGUE, lenses_of, page_of
from paramedic.model.finding import Confidence
from paramedic.model.hazard import Hazard, Lens

GIVEN = (
    "client command host stdin stdout channel transport sftp file pool executor hosts lock connecting sessions".split()
)
OF_WHAT_IS_AROUND = {"wait-without-timeout", "undrained-stderr", "proxy-command-leak"}
"""Advice that a few lines leave to the rest of the program: its timeouts, its other stream, its end."""


def _code(hazard: Hazard, part: str) -> str:
    try:
        page = page_of(hazard)
    except FileNotFoundError:
        pytest.skip("the page is not written yet")
    section = re.search(rf"^## {part}\n(.*?)(?=^## )", page, re.M | re.S)
    blocks = re.findall(r"```python\n(.*?)```", section.group(1), re.S) if section else []
    if not blocks:
        pytest.skip(f"the page has no {part} in Python")
    return "\n".join(blocks)


@pytest.mark.parametrize("hazard", CATALOGUE, ids=lambda h: h.name)
def test_before_is_found(hazard: Hazard, tmp_path: Path) -> None:
    if Lens.STATIC not in lenses_of(hazard):
        pytest.skip("source does not show this hazard")
    (tmp_path / "before.py").write_text(_code(hazard, "Before"))
    report = lint([tmp_path], LintOptions(jobs=1, pedantic=True))
    assert hazard.name in {f.hazard for f in report.findings}


@pytest.mark.parametrize("hazard", CATALOGUE, ids=lambda h: h.name)
def test_after_is_clean(hazard: Hazard, tmp_path: Path) -> None:
    (tmp_path / "after.py").write_text(_code(hazard, "After"))
    strong = lint([tmp_path], LintOptions(jobs=1)).findings
    assert [f"{f.hazard} {f.site}" for f in strong] == []
    pedantic = lint([tmp_path], LintOptions(jobs=1, pedantic=True)).findings
    assert hazard.name not in {f.hazard for f in pedantic}


@pytest.mark.parametrize("hazard", [h for h in CATALOGUE if h.change], ids=lambda h: h.name)
def test_a_change_that_is_made_as_told_is_no_new_finding(hazard: Hazard, tmp_path: Path) -> None:
    after = "\n".join(f"    {row[2:]}" for row in hazard.change.splitlines() if row[0] != "-")
    kind = "async def" if "await " in after else "def"
    source = f"import paramiko\nfrom concurrent.futures import *\n\n\n{kind} work({', '.join(GIVEN)}):\n{after}\n"
    (tmp_path / "changed.py").write_text(source)
    found = lint([tmp_path], LintOptions(jobs=1, pedantic=True)).findings
    told = {f.hazard for f in found if f.confidence is not Confidence.ADVICE or f.hazard not in OF_WHAT_IS_AROUND}
    assert told == set()
