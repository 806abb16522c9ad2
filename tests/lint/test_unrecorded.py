"""Races that may be none: the source says that the later thread waits for the earlier one in a way nobody records."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path
from textwrap import dedent

import exclusion_stories
import message_stories
import ordering_stories
import other_message_stories
import other_wait_stories
import pytest
import state_stories

from paramedic.lint.passages import Places
from paramedic.lint.unrecorded import Deed, Unrecorded, Verdict
from paramedic.model.finding import Site

EXCUSED = ordering_stories.EXCUSED | exclusion_stories.EXCUSED | message_stories.EXCUSED
EXCUSED |= state_stories.EXCUSED
NOT_EXCUSED = other_wait_stories.NOT_EXCUSED | exclusion_stories.NOT_EXCUSED | other_message_stories.NOT_EXCUSED
NOT_EXCUSED |= state_stories.NOT_EXCUSED
AT_S = 1.0
"""When the later call began."""


def stack(text: str, file: Path, mark: str) -> tuple[Site, ...]:
    """The lines with ``#1``, then those with ``#1^``, which called them; a line with ``#12`` is both calls'."""
    try:
        functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    except SyntaxError:
        functions = []
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if re.search(rf"#{mark}(?!\d)|#12\b", line)]
    lines = [(n, line) for n, line in lines if mark != "start" or "#start" in line]
    lines.sort(key=lambda pair: pair[1].count("^"))

    def name(line: int, words: str) -> str:
        around = (f.name for f in functions[::-1] if f.lineno <= line <= (f.end_lineno or 0))
        return "<lambda>" if "lambda" in words else next(around, "<module>")

    return tuple(Site(file=str(file), line=n, function=name(n, words)) for n, words in lines)


def judged(program: str, folder: Path) -> Verdict:
    """What may keep the call ``#2`` from the call ``#1``, whose thread was started at ``#start``."""
    text = "import contextlib, os, select, signal, socket, threading, time\n" + dedent(program)
    file = folder / "app.py"
    file.write_text(text)
    one, two = (stack(text, file, mark) for mark in "12")

    def called(sites: tuple[Site, ...]) -> str:
        found = re.search(r"\.(\w+)\([^()]*\)[^#;]*(;.*)?#", text.splitlines()[sites[0].line - 1])
        words = re.findall(r"sftp\.(\w+)\(", text.splitlines()[sites[0].line - 1])
        return words[0] if words else found[1] if found else "stat"

    deeds = [Deed(called(sites), sites, AT_S) for sites in (one, two)]
    return Unrecorded().between(deeds[0], deeds[1], stack(text, file, "start"))


@pytest.mark.parametrize("how", EXCUSED)
def test_who_may_have_waited_unseen_is_excused(how: str, tmp_path: Path) -> None:
    assert judged(EXCUSED[how], tmp_path).doubt


@pytest.mark.parametrize("how", NOT_EXCUSED)
def test_what_orders_nothing_excuses_nobody(how: str, tmp_path: Path) -> None:
    assert not judged(NOT_EXCUSED[how], tmp_path).doubt


def test_a_class_that_waits_may_be_in_another_file(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text(
        "import time\n\n\nclass Task:\n    def __init__(self):\n        self.done = False\n\n"
        "    def finish(self):\n        self.done = True\n\n"
        "    def wait(self):\n        while not self.done:\n            time.sleep(0.1)\n"
    )
    program = """
        from tasks import Task
        def work(task):
            sftp.stat("/")  #1
            task.FINISH()
        def main():
            task = Task()
            threading.Thread(target=work, args=(task,)).start()
            task.wait()
            sftp.stat("/")  #2
        """
    assert judged(program.replace("FINISH", "finish"), tmp_path).doubt
    assert not judged(program.replace("FINISH", "other"), tmp_path).doubt


def test_who_starts_both_may_have_waited_in_between(tmp_path: Path) -> None:
    text = dedent("""
        import threading, time
        done = []
        def one():
            sftp.stat("/")
            done.append(1)
        def two():
            sftp.stat("/")
        def main():
            threading.Thread(target=one).start()
            while not done:
                time.sleep(0.1)
            threading.Thread(target=two).start()
        """)
    file = tmp_path / "app.py"
    file.write_text(text)

    def site(words: str, function: str) -> tuple[Site]:
        (line, *_) = (n for n, ln in enumerate(text.splitlines(), 1) if words in ln)
        return (Site(file=str(file), line=line, function=function),)

    one = Deed("stat", site("sftp.stat", "one"), AT_S)
    two = Deed("stat", (Site(file=str(file), line=8, function="two"),), AT_S)
    starts = site("target=one", "main"), site("target=two", "main")
    assert Unrecorded().between(one, two, both=starts).orders
    assert not Unrecorded().between(one, two).doubt
    assert not Unrecorded().between(two, one, both=starts[::-1]).doubt


def test_a_wait_that_is_for_something_else_speaks_against_others(tmp_path: Path) -> None:
    assert judged(NOT_EXCUSED["a flag that others set"], tmp_path).refuted
    assert not judged(NOT_EXCUSED["nothing"], tmp_path).refuted


def test_of_files_that_are_gone_nothing_is_said(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    places = Places()
    for name in ("gone.py", "pipe.py", "."):
        site = Site(file=str(tmp_path / name), line=1, function="f")
        assert not places.knows([site])
        assert places.places([site], "stat") == []
        deed = Deed("stat", [site], AT_S)
        assert Unrecorded().between(deed, deed) == Verdict()


def test_many_classes_of_one_name_are_gone_through_once(tmp_path: Path) -> None:
    """Each of which is the base of each: to go every way through them takes longer than anybody waits."""
    classes = "".join(
        f"""
        class Job(Job, Base{n}):
            pass
        class Base{n}(Job):
            pass"""
        for n in range(60)
    )
    assert not judged(
        classes
        + """
        def work(job):
            job.begin()
            sftp.stat("/")  #1
        def main():
            job = Job()
            job.wait()
            with job:
                sftp.stat("/")  #2
        """,
        tmp_path,
    ).doubt


@pytest.mark.parametrize(
    "odd",
    [
        "while (found := done):\n                time.sleep(0.1)",
        "while not (lambda: done)():\n                time.sleep(0.1)",
        "match done:\n                case [*_, 1] | {'a': 2} | None:\n                    pass",
        "async def inner():\n                async with x as y, z as (a, *b):\n                    await y",
        "exec('done = 1')\n            del done, sftp.x",
        "[(yield x) async for x in y if await x] if 0 else {**a, 'b': 1}",
        "try:\n                pass\n            except* OSError as e:\n                raise",
        "with (open(p)), open(p) as f[0], open(p) as g.h:\n                pass",
        "for done[0], *rest in range(3):\n                time.sleep(0.1)\n            else:\n                return",
        "while 1:\n                match done:\n                  case done.x | 1 | None:\n                    break",
    ],
)
def test_odd_syntax_is_read(odd: str, tmp_path: Path) -> None:
    program = """
        done = []
        async def main():
            ODD
            sftp.stat("/")  #2
        def work(*args, key=None, **more):
            global done
            sftp.stat("/")  #1
            done = [*args, key]
            (done[0], *more[1:]), x.y = done, done
        """
    assert judged(program.replace("ODD", odd), tmp_path) is not None


def test_expressions_that_are_very_deep_are_read(tmp_path: Path) -> None:
    program = """
        def main():
            done = []
            def work():
                text = SUM
                sftp.stat("/")  #1
                done.append(text)
            threading.Thread(target=work).start()
            while not done:
                time.sleep(0.1)
            sftp.stat("/")  #2
        """
    assert judged(program.replace("SUM", " + ".join(["''"] * 900)), tmp_path).orders
