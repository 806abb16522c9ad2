"""Which calls of ``gather(…, return_exceptions=True)`` have results that nobody sees, as their source shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from paramedic.lint.ignored_gathers import IgnoredGathers
from paramedic.model.finding import Site

IGNORED = {
    "a statement": "await asyncio.gather(*(job(n) for n in range(3)), return_exceptions=True)  # here",
    "calls": "await asyncio.gather(job(1), job(2), return_exceptions=True)  # here",
    "a name that nobody reads": "done = await asyncio.gather(job(1), return_exceptions=True)  # here",
    "tasks that nobody asks later": """tasks = [asyncio.create_task(job(n)) for n in range(3)]
    print(len(tasks))
    await asyncio.gather(*tasks, return_exceptions=True)  # here""",
    "over several lines": """await asyncio.gather(  # here
        *[job(n) for n in range(3)],
        return_exceptions=True,
    )""",
}
SEEN = {
    "returned": "return await asyncio.gather(job(1), return_exceptions=True)  # here",
    "gone through": "for done in await asyncio.gather(job(1), return_exceptions=True): print(done)  # here",
    "a name that is read": """done = await asyncio.gather(job(1), return_exceptions=True)  # here
    print(done)""",
    "a name that a function in it reads": """done = await asyncio.gather(job(1), return_exceptions=True)  # here
    return lambda: done""",
    "tasks that are asked later": """tasks = [asyncio.create_task(job(n)) for n in range(3)]
    await asyncio.gather(*tasks, return_exceptions=True)  # here
    print([t.exception() for t in tasks])""",
    "tasks that somebody else has": "await asyncio.gather(*self.tasks, return_exceptions=True)  # here",
    "tasks of a parameter": "await asyncio.gather(*self, return_exceptions=True)  # here",
    "each of some tasks": "await asyncio.gather(*(t for t in self), return_exceptions=True)  # here",
    "awaited later": """all_of_them = asyncio.gather(job(1), return_exceptions=True)  # here
    print(await all_of_them)""",
    "with a limit": "print(await asyncio.wait_for(asyncio.gather(job(1), return_exceptions=True), 5))  # here",
}


def ignored(body: str, folder: Path) -> bool:
    file = folder / "app.py"
    file.write_text(f"import asyncio\nasync def work(self):\n    {body}\n")
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if "# here" in text)
    return IgnoredGathers().is_ignored([Site(file=str(file), line=line, function="work")])


@pytest.mark.parametrize("how", IGNORED)
def test_what_is_thrown_away_is_known(how: str, tmp_path: Path) -> None:
    assert ignored(IGNORED[how], tmp_path)


@pytest.mark.parametrize("how", SEEN)
def test_what_somebody_may_look_at_is_not(how: str, tmp_path: Path) -> None:
    assert not ignored(SEEN[how], tmp_path)


def test_no_source_says_nothing(tmp_path: Path) -> None:
    nowhere = [Site(file=str(tmp_path / "gone.py"), line=3, function="work")]
    assert not IgnoredGathers().is_ignored(nowhere) and not IgnoredGathers().is_ignored([])
    assert IgnoredGathers().may_be_told([nowhere])


def test_who_catches_where_it_stands_may_have_told_it(tmp_path: Path) -> None:
    file = tmp_path / "app.py"
    file.write_text("def work():\n    try:\n        call()\n    except OSError:\n        raise\n    call()\n")
    at = [[Site(file=str(file), line=line, function="work")] for line in (3, 6)]
    assert IgnoredGathers().may_be_told(at[:1]) and not IgnoredGathers().may_be_told(at[1:])
