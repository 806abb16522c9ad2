"""Exceptions that a ``gather(…, return_exceptions=True)`` has put among its results: lost if nobody looks at these."""

from __future__ import annotations

from pathlib import Path

import pytest
from notation import Story

from paramedic.analysis.run import RunFacts
from paramedic.check.recording import judged
from paramedic.model.event import Kind, State
from paramedic.model.operations import OPERATIONS

STORY = """
    Main: submit f
    W: run f
    W: recv ch
    W: fail f "OSError: no"
    Main: passes-on f
"""
AGAIN = """
    Main: submit f2
    W: run f2
    W: recv ch
    W: fail f2 "OSError: no"
    Main: ask f2
"""
DROPPED = "    await asyncio.gather(job(1), return_exceptions=True)"
CASES = {
    "nobody looks": (DROPPED, STORY, True, {"observed"}),
    "somebody looks": (f"    print({DROPPED.strip()})", STORY, True, set()),
    "there is no source": ("", STORY, True, set()),
    "no gather": (DROPPED, STORY, False, set()),
    "nobody asks at one time, somebody at another": (DROPPED, STORY + AGAIN, True, {"advice"}),
    "nothing of Paramiko's": (DROPPED, STORY.replace("    W: recv ch\n", ""), True, set()),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_said_of_it(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line, story, gathered, said = CASES[name]
    monkeypatch.chdir(tmp_path)
    if line:  # each place of the story is a line of this program
        Path("app.py").write_text("import asyncio\nasync def work():\n" + f"{line}\n" * 60)
    told = Story("Main: chdir sftp\n" * 3 + story)
    if gathered:
        told._site("one"), told._site("two")
        told._add(1, Kind.STATE, op=State.GATHERED, obj=told._thing("f"), site=told._site("gather"))
    told._add(1, Kind.STATE, op=State.EXIT)
    facts = RunFacts(told.texts, list(OPERATIONS), 1)
    facts.feed_all(told.events, told.ended_ns)
    assert {f.confidence.value for f in judged(facts, []) if f.hazard == "lost-exception"} == said
