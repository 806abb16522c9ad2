"""Whether a loop that rests between looks comes before a call, told from source."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from paramedic.lint.looking import Looking
from paramedic.model.finding import Site

LOOKS = {
    "until there are enough": "while len(results) < 3:\n    time.sleep(0.1)",
    "from its middle": "while True:\n    if done:\n        break\n    time.sleep(0.1)",
    "with a deadline": "while not done and time.monotonic() < end:\n    time.sleep(0.1)",
    "and waits for something else": "while not done:\n    stop.wait(0.1)",
    "a limited number of times": "for _ in range(50):\n    if len(done) == 2:\n        break\n    time.sleep(0.1)",
    "in a task": "while not done:\n    await asyncio.sleep(0.1)",
    "in a method that is called": "worker.wait_done()",
    "in a function that fails in the end": "wait_or_fail(done)",
}
NO_LOOKS = {
    "once": "time.sleep(1)",
    "after each of several": "for one in done:\n    if one:\n        print(one)\n    time.sleep(0.1)",
    "for ever": "try:\n    while True:\n        time.sleep(1)\nexcept KeyboardInterrupt:\n    pass",
    "between tries": "for n in a:\n    try:\n        go()\n        break\n    except OSError:\n        time.sleep(1)",
    "not at all": "while jobs:\n    jobs.pop()()",
}
OTHERS = """
class Worker:
    def wait_done(self):
        while len(self.results) < 3:
            time.sleep(0.1)


def wait_or_fail(done):
    for _ in range(50):
        time.sleep(0.1)
        if done:
            return
    raise TimeoutError


async def main():
"""


def has_looked(words: str, folder: Path, after: str = "") -> bool:
    body = "\n".join(f"    {line}" for line in f"{words}\nclient.close()\n{after}".splitlines())
    text = dedent(OTHERS) + body + "\n"
    file = folder / "app.py"
    file.write_text(text)
    line = next(n for n, words in enumerate(text.splitlines(), 1) if "client.close()" in words)
    return Looking().has_looked([Site(file=str(file), line=line, function="main")])


@pytest.mark.parametrize("how", LOOKS)
def test_a_loop_that_rests_until_something_is_so_looks(how: str, tmp_path: Path) -> None:
    assert has_looked(LOOKS[how], tmp_path)


@pytest.mark.parametrize("how", LOOKS)
def test_looks_that_come_later_do_not_count(how: str, tmp_path: Path) -> None:
    assert not has_looked("pass", tmp_path, after=LOOKS[how])


@pytest.mark.parametrize("how", NO_LOOKS)
def test_what_only_rests_or_only_loops_does_not_look(how: str, tmp_path: Path) -> None:
    assert not has_looked(NO_LOOKS[how], tmp_path)


def test_of_files_that_cannot_be_read_nothing_is_said(tmp_path: Path) -> None:
    assert not Looking().has_looked([Site(file=str(tmp_path / "gone.py"), line=1, function="main")])
