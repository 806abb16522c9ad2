"""Every page's Before is found and its After is clean."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from paramedic.check.lint import LintOptions, lint
from paramedic.hazards.catalogue import CATALOGUE, lenses_of, page_of
from paramedic.model.hazard import Hazard, Lens


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
