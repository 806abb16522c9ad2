"""Steps that tasks of an event loop have an executor's threads make: they are the task's, not the thread's."""

from __future__ import annotations

import pytest
from notation import findings_of, said

from paramedic.model.finding import Confidence

CHDIR, LIST, SEEK, READ = "chdir sftp (1)", "listdir sftp (1)", "seek file", "read file"
SEND, RECV = "send ch", "recv ch"


def story(*steps: str, workers: int = 1) -> str:
    """Steps like "t1 send ch" or "t2/t1 send ch" (t1 has made t2), which the workers run in turn."""
    lines = [f"{'WX'[n]}: works ex {workers}" for n in range(workers)]
    for number, step in enumerate(steps):
        who, _, what = step.partition(" ")
        task, _, maker = who.partition("/")
        lineage, worker = int(task[1:]) | int(maker[1:] or 0) << 32, "WX"[number % workers]
        lines += [f"Main: state f{number} FOR_TASK {lineage}", f"Main: submit f{number} ex", f"{worker}: run f{number}"]
        lines += [f"{worker}: {what} #{task}", f"{worker}: done f{number}", f"Main: ask f{number}"]
    return "\n".join([*lines, "end: orderly"])


FOUND = {
    "a question between another's question and answer": (
        (f"t1 {SEND}", f"t2 {SEND}", f"t1 {RECV}", f"t2 {RECV}"),
        "shared-channel",
    ),
    "another directory": ((f"t1 {CHDIR}", f"t2 {CHDIR}", f"t1 {LIST}", f"t2 {LIST}"), "shared-sftp-cwd"),
    "another position": ((f"t1 {SEEK}", f"t2 {SEEK}", f"t1 {READ}", f"t2 {READ}"), "shared-sftp-file"),
    "of two that one has made": (
        (f"t2/t1 {CHDIR}", f"t3/t1 {CHDIR}", f"t2/t1 {LIST}", f"t3/t1 {LIST}"),
        "shared-sftp-cwd",
    ),
}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", FOUND)
def test_steps_of_two_tasks_that_come_in_turns_are_told(name: str, workers: int) -> None:
    steps, hazard = FOUND[name]
    findings = [f for f in findings_of(story(*steps, workers=workers)) if f.hazard == hazard]
    assert {f.confidence for f in findings} == {Confidence.OBSERVED}
    assert "task of the event loop" in findings[0].message and "asyncio.Lock" in findings[0].fix
    assert any("in another task" in step.what for step in findings[0].steps)


QUIET = {
    "one dialogue after the other": (f"t1 {SEND}", f"t1 {RECV}", f"t2 {SEND}", f"t2 {RECV}"),
    "one directory after the other": (
        f"t1 {CHDIR}",
        f"t1 {LIST}",
        f"t2 {CHDIR}",
        f"t2 {LIST}",
        f"t1 {CHDIR}",
        f"t1 {LIST}",
    ),
    "one asks and one listens": (f"t1 {SEND}", f"t2 {RECV}", f"t1 {SEND}", f"t2 {RECV}"),
    "a step in a task of its own, for a limit": (f"t1 {CHDIR}", f"t2/t1 {CHDIR}", f"t1 {LIST}"),
    "... and the other way round": (f"t2/t1 {SEEK}", f"t1 {SEEK}", f"t2/t1 {READ}"),
    "... two deep": (f"t3/t2 {CHDIR}", f"t2/t1 {CHDIR}", f"t1 {CHDIR}", f"t3/t2 {LIST}"),
    "a directory for all": (f"t1 {CHDIR}", f"t2 {LIST}", f"t3 {LIST}", f"t2 {LIST}"),
}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", QUIET)
def test_steps_that_belong_together_are_not(name: str, workers: int) -> None:
    told = set(said(findings_of(story(*QUIET[name], workers=workers))))
    assert not {t for t in told if t.startswith(("shared-channel", "shared-sftp"))}
