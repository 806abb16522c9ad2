"""What is learnt of a log changes how fast it is read, never what is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from log_writer import clock_of, connected, default_format, messages

from paramedic.check.log import report_of_logs
from paramedic.logs import sftp_sessions
from paramedic.logs.heads import Heads
from paramedic.logs.reading import LogReader
from paramedic.logs.sources import Source

WORDS = (
    "open {c}", "yes {c}", "ok {c}", "eof> {c}", "eof< {c}", "dead {c}", "refuse {c}", "kex", "keys", "end",
    "sftp {c} open(b'/a', 'rb')", "sftp {c} open(b'/a', 'rb') -> 00", "sftp {c} close(00)", "sftp {c} stat(b'/d')",
    "sftp {c} normalize(b'/d')", "sftp {c} open(b'/d/x', 'rb')", "sftp {c} sftp session closed.",
    "Dropping user packet because connection is dead.", "no such message of Paramiko's", "start 0x{c}",
)  # fmt: skip
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 7, 40, 2000, 15_000]), st.integers(1, 6), st.sampled_from(WORDS), st.integers(0, 1)
    ),
    max_size=60,
)


def text_of(steps: list[tuple[int, int, str, int]]) -> str:
    story = [connected(1), connected(2, identity="0xb2")]
    story += [f"{after} {thread}: {words.format(c=channel)}" for after, thread, words, channel in steps]
    return "\n".join(story)


def named(story: str) -> str:
    return "".join(
        f"2026-11-23 {clock_of(at).replace('.', ',')} DEBUG {1000 + thread} [worker {thread}] {logger}: {words}\n"
        for at, thread, logger, words in messages(story)
    )


def json_lines(story: str) -> str:
    rows = (
        {"asctime": f"2026-11-23 {clock_of(at)}", "name": logger, "threadName": f"w{thread}", "message": words}
        for at, thread, logger, words in messages(story)
    )
    return "".join(json.dumps(row) + "\n" for row in rows)


def facts_of(path: Path) -> list[str]:
    reader = LogReader(Source(name="x", files=(path,)))
    return [*map(repr, reader.facts()), repr(reader.tally)]


@pytest.mark.parametrize("write", [default_format, named, json_lines])
@given(steps=STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_known_heads_and_calls_in_turn_are_only_faster(write, steps, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("log") / "p.log"
    text = write(text_of(steps))
    last = text.splitlines()[-1]
    alike = f"{last[:5]}20269999-99:99:99.000{last[26:]}\n{last[:40]}\n{' ' * 27}{last[27:]}\n"
    path.write_text(text + "Traceback of somebody else\n" + alike + text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sftp_sessions, "MAX_SAMPLES", 1)
        fast = facts_of(path)
        patch.setattr(Heads, "learn", lambda *_: None)
        patch.setattr(sftp_sessions.SftpSessions, "_settle", lambda *_: None)
        assert facts_of(path) == fast


def test_a_thread_that_joins_a_session_late_is_seen(tmp_path: Path) -> None:
    alone = "\n".join(f"5 2: sftp 1 open(b'/{i}', 'rb')\n6 2: sftp 1 open(b'/{i}', 'rb') -> 00" for i in range(40))
    story = connected(1) + "\n1 2: open 1\n9 1: yes 1\n9 1: ok 1\n" + alone
    joined = "\n5 2: sftp 1 open(b'/z', 'rb')\n1 3: sftp 1 stat(b'/y')\n5 2: sftp 1 open(b'/z', 'rb') -> 00\n1 1: end"
    for extra, expected in ((joined, ["observed"]), ("", [])):
        path = tmp_path / "p.log"
        path.write_text(default_format(story + extra))
        found = report_of_logs([str(path)]).report.findings
        assert [str(f.confidence) for f in found if f.hazard == "shared-sftp-client"] == expected


def test_thousands_of_connections_that_never_end_are_told_in_a_few_findings(tmp_path: Path) -> None:
    path = tmp_path / "p.log"
    one = "{a} {t}: start 0x{t}\n1 {t}: keys\n1 {t}: login\n1 {t}: in\n1 {w}: open 0\n"
    one += "1 {t}: yes 0\n1 {t}: ok 0\n1 {w}: open 1"
    path.write_text(default_format("\n".join(one.format(a=40, t=2 * i, w=2 * i + 1) for i in range(1, 1500))))
    report = report_of_logs([str(path)]).report
    assert report.source["transports"] == 1499
    assert 2 < len(report.findings) < 60
