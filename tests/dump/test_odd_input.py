"""Whatever is fed to the readers, nothing but dumps and gaps comes out, in bounded memory."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Iterator

from forms import FAULTHANDLER, PY_SPY, SAMPLES
from hypothesis import given, settings
from hypothesis import strategies as st
from stacks import WORDS, py_spy

from paramedic.check.dump import check_dumps
from paramedic.dump.assembly import read_snapshots
from paramedic.dump.lines import first_chunk, lines_of
from paramedic.dump.prefix import unwrap
from paramedic.dump.pyspy_json import read_json
from paramedic.model.snapshot import Snapshot

LINES = [line for sample in SAMPLES.values() for line in sample.splitlines()]


def judged(snapshots: Iterator[Snapshot]) -> None:
    """Reads them all and asks all lenses; a lens that fails becomes a gap, which is a failure here."""
    report = check_dumps(snapshots)
    assert [g for g in report.gaps if g.reason == "lens-failed"] == []


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(LINES), st.text(max_size=80), st.just("")), max_size=60))
def test_lines_of_all_forms_in_any_order(lines: list[str]) -> None:
    judged(read_snapshots(lines))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(SAMPLES)), st.integers(0, 2000), st.integers(0, 60), st.text(max_size=20))
def test_dumps_with_a_hole(form: str, start: int, size: int, filling: str) -> None:
    text = SAMPLES[form]
    judged(read_snapshots((text[:start] + filling + text[start + size :]).splitlines()))


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from(sorted(WORDS)), max_size=5), max_size=6))
def test_stacks_that_no_program_has(threads: dict[str, list[str]]) -> None:
    judged(read_snapshots(py_spy({name: " ".join(words) for name, words in threads.items()}).splitlines()))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=500), st.binary(max_size=50))
def test_bytes_of_any_kind(before: bytes, after: bytes) -> None:
    stream = io.BytesIO(before + FAULTHANDLER.encode() + after)
    judged(read_snapshots(lines_of(first_chunk(stream), stream)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["pid", "frames", "locals", "name", "line", "filename", "repr"]), inner, max_size=5
        )
    ),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(JSON, max_size=5), st.integers(0, 40))
def test_json_of_any_shape_whole_or_cut_off(document: list[object], cut: int) -> None:
    text = json.dumps(document)
    judged(read_json(text[: max(len(text) - cut, 0)]))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_every_line_is_unwrapped_into_lines(line: str) -> None:
    assert all(isinstance(text, str) for _, text in unwrap(line))


def test_a_windows_console_s_utf_16_is_read() -> None:
    stream = io.BytesIO(PY_SPY.encode("utf-16"))
    (snapshot,) = read_snapshots(lines_of(first_chunk(stream), stream))
    assert len(snapshot.threads) == 2


def test_utf_16_is_read_piece_by_piece_as_utf_8_is() -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, 4095))

    text = "A: \U0001f600 reads\r\n\n" * 3000 + "the end" + "x" * (3 << 20) + "\n"
    slow = Slow(text.encode("utf-16"))
    wide = lines_of(first_chunk(slow), slow)
    plain = io.BytesIO(text.encode())
    assert list(wide) == list(lines_of(first_chunk(plain), plain))


def test_a_log_of_many_dumps_is_read_in_bounded_memory() -> None:
    def log() -> Iterator[str]:
        for _ in range(200):
            yield from ["2026-11-23 08:31:13 INFO request served in 12 ms"] * 200
            yield from FAULTHANDLER.splitlines()

    tracemalloc.start()
    try:
        report = check_dumps(read_snapshots(log()))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert report.source["dumps"] == 200
    assert peak < 20_000_000


def test_five_thousand_threads_are_grouped() -> None:
    threads = {f"w{n}": "recv job@gone.py:3 thread" for n in range(5000)}
    (finding,) = check_dumps(read_snapshots(py_spy(threads | {"T": "idle"}).splitlines())).findings
    assert (finding.count, len(finding.steps)) == (5000, 1)
