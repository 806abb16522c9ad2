"""Stacks of ``sys._current_frames`` as people print them: under other heads, newest first, as lists and as JSON."""

from __future__ import annotations

import json
import pprint
import sys
import threading
import traceback
from collections.abc import Callable

import pytest

from paramedic.dump.assembly import bare, read_snapshots
from paramedic.dump.embedded import read_lines

LIB = "/usr/lib/python3.11/threading.py"
ROOT = [(LIB, 1002, "_bootstrap", "self._bootstrap_inner()"), (LIB, 1045, "_bootstrap_inner", "self.run()")]
STACKS = {
    "Thread-4 (want)": [*ROOT, ("/srv/app.py", 10, "want", "with lock:")],
    "Thread-3 (holds)": [*ROOT, ("/srv/app.py", 8, "hold", 'read("a")')],
    "MainThread": [("/srv/app.py", 55, "<module>", "main()")],
}


def frames(name: str, *, newest_first: bool = False) -> list[str]:
    """The frames of a thread as `traceback.format_stack` gives them."""
    made = [f'  File "{file}", line {line}, in {function}\n    {text}\n' for file, line, function, text in STACKS[name]]
    return made[::-1] if newest_first else made


PRINTED: dict[str, Callable[[str], str]] = {
    "Traceback for": lambda n: f"Traceback for {n} (most recent call last):\n" + "".join(frames(n)) + "\n",
    "a head, and traceback's own": lambda n: (
        f"Thread {n} (id 13972192343{len(n)}) stack:\nTraceback (most recent call last):\n" + "".join(frames(n)) + "\n"
    ),
    "newest first": lambda n: f"worker={n} tid=140473{len(n)}\n" + "".join(frames(n, newest_first=True)),
    "a list": lambda n: f"1403241648{len(n)} {n}\n{frames(n)}\n",
    "a text's repr": lambda n: f"WARNING:root:thread={n} stack={''.join(frames(n))!r}\n",
}
WHOLE = {name: "".join(map(printed, STACKS)) for name, printed in PRINTED.items()}
WHOLE["JSON"] = json.dumps({n: frames(n) for n in STACKS}, indent=2)


@pytest.mark.parametrize("printed", WHOLE)
def test_every_thread_is_there_with_its_name_and_frames(printed: str) -> None:
    (snapshot,) = read_snapshots(WHOLE[printed].splitlines())
    told = {t.name: [bare(f.site.function) for f in t.frames] for t in snapshot.threads}
    short = {n if n in told else n.partition(" (")[0]: [f[2] for f in s[::-1]] for n, s in STACKS.items()}
    assert told == short


@pytest.mark.parametrize(
    "words",
    ["Thread-3 failed", "ERROR in worker thread 12", "Exception in thread Thread-1:", "the thread's traceback is lost"],
)
def test_the_traceback_of_an_exception_is_no_stack_of_a_thread(words: str) -> None:
    text = f'{words}\nTraceback (most recent call last):\n  File "/srv/app.py", line 3, in run\n    go()\nValueError\n'
    assert list(read_snapshots(text.splitlines())) == []


def _as_values(stacks: dict[str, list[traceback.FrameSummary]]) -> str:
    return pprint.pformat({name: traceback.format_list(stack) for name, stack in stacks.items()})


def _as_texts(stacks: dict[str, list[traceback.FrameSummary]]) -> str:
    return pprint.pformat({name: "".join(traceback.format_list(stack)) for name, stack in stacks.items()})


def _as_summaries(stacks: dict[str, list[traceback.FrameSummary]]) -> str:
    return "\n".join(f"Thread {name}: {stack}" for name, stack in stacks.items())


def _as_short_lines(stacks: dict[str, list[traceback.FrameSummary]]) -> str:
    shown = {n: "".join(f"    {f.filename}:{f.lineno} {f.name}\n" for f in stack) for n, stack in stacks.items()}
    return "".join(f"{name} (daemon)\n{frames}" for name, frames in shown.items())


def _as_one_line_of_json(stacks: dict[str, list[traceback.FrameSummary]]) -> str:
    return json.dumps({name: traceback.format_list(stack) for name, stack in stacks.items()})


@pytest.mark.parametrize("style", [_as_values, _as_texts, _as_summaries, _as_short_lines, _as_one_line_of_json])
@pytest.mark.parametrize("threads", [3, 300], ids=["few", "more than 64 KiB"])
def test_real_frames_printed_as_values_are_read(
    style: Callable[[dict[str, list[traceback.FrameSummary]]], str], threads: int
) -> None:
    begun, over = threading.Event(), threading.Event()

    def holds() -> None:
        begun.set()
        over.wait()

    waiting = threading.Thread(target=holds)
    waiting.start()
    begun.wait()
    assert waiting.ident is not None
    while (stack := traceback.extract_stack(sys._current_frames()[waiting.ident]))[-1].filename != threading.__file__:
        pass  # it is on its way from set() to wait()
    over.set()
    waiting.join(30)
    assert not waiting.is_alive()
    stacks = {"MainThread": traceback.extract_stack()} | {f"Thread-{n}": stack for n in range(1, threads)}
    (snapshot,) = read_lines(["INFO before", *style(stacks).splitlines(), "INFO after", ""])
    assert {t.name for t in snapshot.threads} == stacks.keys()
    for thread in snapshot.threads:
        assert [f.site.function for f in thread.frames] == [f.name for f in reversed(stacks[thread.name])]


def test_of_a_printed_dict_that_is_cut_off_the_whole_stacks_are_read() -> None:
    text = _as_values({f"Thread-{n}": traceback.extract_stack() for n in range(3)}).splitlines()
    (snapshot,) = read_lines([*text[:-4], ""])
    assert [t.name for t in snapshot.threads] == ["Thread-0", "Thread-1"]
