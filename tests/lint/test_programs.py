"""Whole programs as people write them, in `programs/`: what is found in each, to the line, and nothing else.

``=== name`` begins a file, ``name/file`` a file of a tree. ``#! hazard …`` marks a line with findings, ``#? hazard``
one with advice (of which a program may have more than is marked). In `pairs_*.txt` a program is two: lines that begin
with ``-|`` are only in the bad one, with ``+|`` only in the good one, and ``#!-`` marks a line of both where only the
bad one has the finding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from paramedic.check.lint import LintOptions, lint
from paramedic.model.finding import Confidence

BUNDLES = sorted((Path(__file__).parent / "programs").glob("*.txt"))
MARK = re.compile(r"#([!?]) ([\w -]+)$")

Files = dict[str, str]


def _programs() -> Iterator[tuple[str, Files]]:
    for bundle in BUNDLES:
        programs: dict[str, Files] = {}
        for part in bundle.read_text().split("=== ")[1:]:
            name, _, text = part.partition("\n")
            programs.setdefault(name.split("/")[0], {})[name] = text
        if not bundle.stem.startswith("pairs"):
            yield from programs.items()
            continue
        for name, files in programs.items():
            for which, theirs, others in (("bad", "-|", "+|"), ("good", "+|", "-|")):
                yield (
                    f"{name}-{which}",
                    {
                        f"{name}-{which}/{file.split('/')[1]}": _half(text, theirs, others, bad=which == "bad")
                        for file, text in files.items()
                    },
                )


def _half(text: str, theirs: str, others: str, *, bad: bool) -> str:
    """One program of the two that a pair is."""
    lines = [line.removeprefix(theirs) for line in text.splitlines() if not line.startswith(others)]
    return "".join(
        (re.sub(r"#([!?])- ", r"#\1 ", li) if bad else re.sub(r" *#[!?]- .*", "", li)) + "\n" for li in lines
    )


PROGRAMS = dict(_programs())


def _marked(files: Files, kind: str) -> set[tuple[str, int, str]]:
    return {
        (name, number, hazard)
        for name, text in files.items()
        for number, line in enumerate(text.splitlines(), 1)
        for match in [MARK.search(line)]
        if match is not None and match[1] == kind
        for hazard in match[2].split()
    }


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_marked_is_found_and_nothing_else(name: str, tmp_path: Path) -> None:
    files = PROGRAMS[name]
    for file, text in files.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    found, advice = set(), set()
    for finding in lint([tmp_path], LintOptions(pedantic=True, jobs=1)).findings:
        assert finding.site is not None
        place = (Path(finding.site.file).relative_to(tmp_path).as_posix(), finding.site.line, finding.hazard)
        (advice if finding.confidence is Confidence.ADVICE else found).add(place)
    assert found == _marked(files, "!")
    assert _marked(files, "?") <= advice


def test_there_are_programs_of_both_kinds() -> None:
    right = [name for name, files in PROGRAMS.items() if not _marked(files, "!") and not _marked(files, "?")]
    assert len(right) > 30
    assert len(PROGRAMS) - len(right) > 60
