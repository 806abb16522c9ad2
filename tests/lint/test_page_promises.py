"""What each hazard's page promises of the static lens, with its confidence, and where it promises silence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from paramedic.check.lint import LintOptions, lint
from paramedic.hazards.catalogue import CATALOGUE, lenses_of
from paramedic.model.hazard import Lens

PROGRAMS = re.findall(
    r"^### ([a-z-]+): (.+) -> (.+)\n((?:(?!###).*\n)*)", (Path(__file__).parent / "page_promises.txt").read_text(), re.M
)


@pytest.mark.parametrize(
    ("hazard", "said", "source"), [(h, s, t) for h, _, s, t in PROGRAMS], ids=[t for _, t, *_ in PROGRAMS]
)
def test_pages_keep_what_they_promise_of_source(hazard: str, said: str, source: str, tmp_path: Path) -> None:
    for part in f"# file: program.py\n{source}".split("# file: ")[1:]:
        name, _, text = part.partition("\n")
        (tmp_path / name).write_text(text)
    report = lint([tmp_path], LintOptions(jobs=1, pedantic=True))
    assert report.gaps == ()
    assert [str(f.confidence) for f in report.findings if f.hazard == hazard] == said.replace("nothing", "").split()


def test_every_hazard_that_is_seen_in_source_is_promised_here() -> None:
    seen = {hazard.name for hazard in CATALOGUE if Lens.STATIC in lenses_of(hazard)}
    assert {hazard for hazard, _, said, _ in PROGRAMS if said != "nothing"} == seen
