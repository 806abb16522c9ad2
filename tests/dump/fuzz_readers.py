"""Coverage-guided fuzzing of every reader of ``paramedic dump``; not part of the test run.

    pip install atheris
    python tests/dump/fuzz_readers.py CORPUS_FOLDER -max_total_time=1800

Starts from the real dumps beside this file. Whatever comes out but snapshots and findings is a bug: keep its input as a
test in `test_odd_input.py`.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["paramedic"]):
    from paramedic.check.dump import check_dumps
    from paramedic.dump.embedded import read_lines
    from paramedic.dump.lines import first_chunk, lines_of
    from paramedic.dump.pyspy_json import looks_like_json, read_json

DUMPS = Path(__file__).resolve().parent / "dumps"


def one(data: bytes) -> None:
    """Reads and judges one input as the command does."""
    stream = io.BytesIO(data)
    first = first_chunk(stream)
    text = first.decode("utf-8", "replace")
    snapshots = read_json(text) if looks_like_json(text) else read_lines(lines_of(first, stream))
    report = check_dumps(snapshots)
    failed = [g for g in report.gaps if g.reason == "lens-failed"]
    assert not failed, failed


def main() -> None:
    """Fills the corpus folder with the dumps, cut to pieces, and runs."""
    corpus = next((Path(w) for w in sys.argv[1:] if not w.startswith("-")), None)
    if corpus is not None:
        corpus.mkdir(parents=True, exist_ok=True)
        for number, path in enumerate(sorted(DUMPS.glob("*/*.txt"))):
            (corpus / f"seed-{number}").write_bytes(path.read_bytes()[:3000])
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
