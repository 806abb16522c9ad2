"""py-spy's JSON is read wherever it stands: after other lines, behind prefixes, in records, on one line."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from paramedic.dump.embedded import read_lines

THREADS = [
    {
        "pid": 7,
        "os_thread_id": number,
        "thread_name": name,
        "active": False,
        "owns_gil": False,
        "frames": [{"name": "recv", "filename": "/x/paramiko/channel.py", "line": 697, "locals": None}],
    }
    for number, name in ((1, "MainThread"), (2, "Thread-2"))
]
PRETTY = json.dumps(THREADS, indent=2)
SHORT = json.dumps(THREADS)


def each(text: str, dress: Callable[[str], str]) -> str:
    """Every line of the text in another dress."""
    return "\n".join(map(dress, text.splitlines()))


WRITTEN = {
    "alone": PRETTY,
    "a warning before it": f"WARN no symbols\n{PRETTY}\nend of the log",
    "a list of a program's before it": f"hosts = [\n  'a',\n]\n{PRETTY}",
    "behind Kubernetes' prefix": each(PRETTY, "2026-11-23T08:31:13.123Z stderr F {}".format),
    "in Docker's records": each(PRETTY, lambda s: json.dumps({"log": s + "\n", "stream": "stdout"})),
    "on one line": f"begin\n{SHORT}\nend",
    "on one line behind a prefix": f"2026-11-23T08:31:13.123Z stderr F {SHORT}",
    "on one line in a record": json.dumps({"log": SHORT}),
    "one thread a line": "\n".join(json.dumps(t) for t in THREADS),
    "cut off": f"WARN\n{PRETTY[:-2]}",
}


@pytest.mark.parametrize("written", WRITTEN)
def test_json_is_read_wherever_it_stands(written: str) -> None:
    (snapshot,) = read_lines(WRITTEN[written].splitlines())
    assert (snapshot.form, snapshot.process) == ("py-spy-json", 7)
    assert [t.name for t in snapshot.threads] == ["MainThread", "Thread-2"]
    assert [g.reason for g in snapshot.gaps] == (["cut-off"] if written == "cut off" else [])


def test_several_documents_and_dumps_of_text_are_all_read_in_their_order() -> None:
    text = "    recv (paramiko/channel.py:697)\n    <module> (app.py:1)"
    plain = f'Process 9: app\nThread 1 (idle): "MainThread"\n{text}\n'
    found = list(read_lines(f"{PRETTY}\nWARN\n{SHORT}\n{plain}\n".splitlines()))
    assert [s.process for s in found] == [7, 7, 9]


@pytest.mark.parametrize(
    "line", ['{"exception": {"frames": [1]}}', '[{"frames": []', '{"frames": [{]}, "thread_id": 3', "["]
)
def test_other_json_takes_nothing_from_the_dump_after_it(line: str) -> None:
    text = f'{line}\nProcess 9: app\nThread 1 (idle): "MainThread"\n    <module> (app.py:1)\n'
    assert [s.process for s in read_lines(text.splitlines())] == [9]
