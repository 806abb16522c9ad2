"""A log that two processes read gives what one process finds in it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from log_writer import command, connected, default_format

from paramedic.check.log import findings_of, log_lenses, report_of_logs
from paramedic.logs import halves
from paramedic.logs.forms import PARAMIKO_FORM
from paramedic.logs.reading import LogReader
from paramedic.logs.sources import Source
from paramedic.model.report import Gap

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from log_corpus import write_log


def told(facts) -> list[tuple[object, ...]]:
    gaps: list[Gap] = []
    found = [f for one in facts for f in findings_of(one, log_lenses(), gaps)]
    assert gaps == []
    return sorted((f.hazard, str(f.confidence), f.message, tuple(s.what for s in f.steps)) for f in found)


def in_order(path: Path):
    return list(LogReader(Source(name=str(path), files=(path,)), PARAMIKO_FORM).facts())


def in_halves(path: Path, share: float):
    with path.open("rb") as file:
        file.seek(int(path.stat().st_size * share))
        file.readline()
        seam = file.tell()
    return halves._joined(halves._read_first(path, seam), halves._read_second(path, seam))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    path = tmp_path_factory.mktemp("log") / "p.log"
    return path, write_log(path, 6_000_000, interleaving=0.5)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.4999, 0.5, 0.5001, 0.7, 0.9])
def test_the_place_of_the_seam_does_not_matter(
    corpus: tuple[Path, int], share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(halves, "RUN_UP_BYTES", 400_000)
    path, planted = corpus
    whole, parts = in_order(path), in_halves(path, share)
    assert parts is not None
    assert told(parts) == told(whole)
    assert any("stat(b'/srv/queue/b')" in what for *_, steps in told(parts) for what in steps)
    for name in ("messages", "transports_seen", "refusals_seen"):
        assert [getattr(f, name) for f in parts] == [getattr(f, name) for f in whole]
    (one,) = [f for facts in parts for f in findings_of(facts, log_lenses(), []) if f.hazard == "shared-sftp-client"]
    assert one.site is not None
    assert one.site.line == planted


def test_a_run_that_begins_near_the_seam_is_read_in_order(tmp_path: Path) -> None:
    path = tmp_path / "p.log"
    run = connected(1) + "\n" + "\n".join(command(1, 2, n) for n in range(60))
    path.write_text(default_format(run) + default_format("90000 1: start 0xb\n" + run))
    assert in_halves(path, 0.5) is None


def test_two_processes_read_a_long_log(monkeypatch: pytest.MonkeyPatch, corpus: tuple[Path, int]) -> None:
    path, _ = corpus
    monkeypatch.setattr(halves, "WORTH_BYTES", 1_000_000)
    alone, together = report_of_logs([str(path)]), report_of_logs([str(path)], workers=2)
    assert together.report.source == alone.report.source | {"threads": together.report.source["threads"]}
    assert [f.message for f in together.report.findings] == [f.message for f in alone.report.findings]
