"""What holds for every source, every setting and every set of findings."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paramedic.check.allowance import read_allowances
from paramedic.check.configuration import KEYS, ConfigurationError, parse_configuration
from paramedic.check.merging import merged
from paramedic.model.finding import Confidence, Finding, Site, Step

UNHURRIED = settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])

PIECES = st.sampled_from(
    [
        "# paramedic: allow[shared-channel] why",
        "# paramedic: allow[",
        "paramedic:allow",
        "\n",
        "\r",
        "\t",
        "    ",
        "(",
        ")",
    ]
    + [
        "'''",
        '"',
        "\\",
        "f'{",
        "x = 1",
        "def f():",
        "if x:",
        "\x00",
        "\x0c",
        "\ufeff",
        "é",
        "# coding: utf-7",
        "@",
        ";",
    ]
)
SOURCES = st.lists(PIECES | st.text(max_size=5), max_size=30).map("".join)


@UNHURRIED
@given(SOURCES, st.sampled_from(["utf-8", "latin-1", "utf-16"]))
def test_no_source_breaks_the_reader_of_comments(source: str, encoding: str) -> None:
    data = b"# paramedic: allow[shared-channel] why\n" + source.encode(encoding, "replace")
    covered = read_allowances("a.py", data)
    lines = data.count(b"\n") + data.count(b"\r") + 2
    assert all(1 <= number <= lines and allowances for number, allowances in covered.items())


@UNHURRIED
@given(st.binary(max_size=200))
def test_no_bytes_break_it(data: bytes) -> None:
    read_allowances("a.py", b"paramedic: allow" + data)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["watch", "1MB"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["hazard", "path", "reason"]) | st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


@UNHURRIED
@given(st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=6), VALUES, max_size=4) | VALUES)
def test_settings_are_understood_or_refused(table: object) -> None:
    try:
        found = parse_configuration(table, Path("pyproject.toml"))
    except ConfigurationError as error:
        assert str(error).startswith("pyproject.toml: ")
    else:
        assert found.max_size_bytes is None or found.max_size_bytes > 0


SITES = st.none() | st.builds(Site, file=st.sampled_from("ab"), line=st.integers(0, 3))
FINDINGS = st.lists(
    st.builds(
        Finding,
        hazard=st.sampled_from(["x", "y"]),
        code=st.just("PMC101"),
        confidence=st.sampled_from(Confidence),
        message=st.sampled_from(["m", "n"]),
        steps=st.lists(st.builds(Step, thread=st.just("t"), what=st.just("w"), site=SITES), max_size=3).map(tuple),
        count=st.integers(1, 5),
    ),
    max_size=12,
)


@UNHURRIED
@given(FINDINGS, st.randoms(use_true_random=False))
def test_merging_loses_and_invents_nothing(findings: list[Finding], random: object) -> None:
    told = merged(findings)
    assert sum(f.count for f in told) == sum(f.count for f in findings)
    assert {f.hazard for f in told} == {f.hazard for f in findings}
    ranks = [f.confidence.rank for f in told]
    assert ranks == sorted(ranks)
    assert min((f.confidence.rank for f in findings), default=0) == min(ranks, default=0)
    assert merged(told) == told

    def gist(found: tuple[Finding, ...]) -> list[tuple[object, ...]]:
        return sorted((f.hazard, f.confidence.rank, f.count, str(frozenset(map(str, f.sites)))) for f in found)

    shuffled = list(findings)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert len(merged(shuffled)) == len(told)
    assert [g[:3] for g in gist(merged(shuffled))] == [g[:3] for g in gist(told)]
