"""Events of an asyncio loop: whether the source shows that only a coroutine that has failed would have set one."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from paramedic.lint.unset_events import UnsetEvents
from paramedic.model.finding import Site

START = """
    async def start(self):
        self.config = await asyncio.to_thread(self.read)
        self.ready.set()
"""
MAIN = """
    async def main(service):
        task = asyncio.create_task(service.start())
        await service.ready.wait()
"""
LEFT = {
    "set after what failed": START,
    "set after what failed, and asked elsewhere": START + "    def is_up(self):\n        return self.ready.is_set()\n",
    "set where only some come": START.replace(
        "        self.ready.set()\n", "        if self.config:\n            self.ready.set()\n"
    ),
}
UNKNOWN = {
    "nobody sets it: it waits until Ctrl-C comes": START.replace("self.ready.set()", "print()"),
    "set on every way out": """
    async def start(self):
        try:
            self.config = await asyncio.to_thread(self.read)
        finally:
            self.ready.set()
""",
    "the failure is caught": """
    async def start(self):
        try:
            self.config = await asyncio.to_thread(self.read)
        except OSError:
            self.config = None
        self.ready.set()
""",
    "tried again": """
    async def start(self):
        while not self.config:
            self.config = await asyncio.to_thread(self.read)
        self.ready.set()
""",
    "may be kept from the coroutine": """
    async def start(self):
        with contextlib.suppress(OSError):
            self.config = await asyncio.to_thread(self.read)
        self.ready.set()
""",
    "not awaited there": START.replace("= await asyncio", "= asyncio"),
    "set before": """
    async def start(self):
        self.ready.set()
        self.config = await asyncio.to_thread(self.read)
""",
    "another one sets it, too": START + "    def stop(self):\n        self.ready.set()\n",
    "handed on": START + "    def watch(self):\n        other(self.ready)\n",
    "handed on to be set": START + "    def watch(self):\n        signals.add(self.ready.set)\n",
}


def says(start: str, folder: Path) -> bool:
    file = folder / "app.py"
    file.write_text("import asyncio\nclass Service:\n" + start + textwrap.dedent(MAIN))
    lines = file.read_text().splitlines()

    def stack(words: str, function: str) -> list[Site]:
        line = next(n for n, text in enumerate(lines, 1) if words in text)
        return [Site(file=str(file), line=line, function=function)]

    return UnsetEvents().was_to_be_set_by(stack("ready.wait()", "main"), stack("to_thread", "Service.start"))


@pytest.mark.parametrize("how", LEFT)
def test_the_one_that_failed_was_to_set_it(how: str, tmp_path: Path) -> None:
    assert says(LEFT[how], tmp_path)


@pytest.mark.parametrize("how", UNKNOWN)
def test_nobody_knows(how: str, tmp_path: Path) -> None:
    assert not says(UNKNOWN[how], tmp_path)


def test_of_what_cannot_be_read_nothing_is_known() -> None:
    nowhere = [Site(file="nowhere/app.py", line=1, function="main")]
    assert not UnsetEvents().was_to_be_set_by(nowhere, nowhere)
    assert not UnsetEvents().was_to_be_set_by([], [])
