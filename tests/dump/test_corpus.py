"""The dumps that were saved beside the cases of the corpus, where it stands beside the checkout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from paramedic.check.dump import check_dumps
from paramedic.dump.assembly import read_snapshots
from paramedic.model.finding import Confidence

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"

# Saved before or after the moment, of another process, or of a hang that stacks do not show.
SHOWS_NOTHING = {
    "agent-shared-key",
    "async-blocking",
    "connect-storm",
    "eof-close-race",
    "exit-blocked",
    "fork-after-connect",
    "thread-local-leak",
}


@pytest.mark.parametrize("path", sorted(CASES.glob("*/dump.*.txt")), ids=lambda p: f"{p.parent.name}/{p.name}")
def test_a_saved_dump_is_diagnosed(path: Path) -> None:
    with open(path, encoding="utf-8") as lines:
        report = check_dumps(read_snapshots(lines), roots=[path.parent])
    hazards = set(json.loads((path.parent / "case.json").read_text())["hazards"])
    loud = {f.hazard for f in report.findings if f.confidence is not Confidence.ADVICE}
    if path.parent.name in SHOWS_NOTHING:
        assert not loud
    else:
        assert hazards & {f.hazard for f in report.findings}
        assert loud <= hazards


def test_the_corpus_is_here(cases: Path) -> None:
    assert list(cases.glob("*/dump.*.txt"))
