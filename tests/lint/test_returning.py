"""Which functions put back what they take from a queue, if nothing comes between."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from paramedic.lint.passages import Places
from paramedic.lint.returning import puts_back
from paramedic.model.finding import Site

BACK: dict[str, str] = {
    "a generator that need not be resumed": """
        def borrow(self):
            client = self.idle.get(timeout=20)  # here
            yield client
            self.idle.put(client)
        """,
    "a call that may raise": """
        def run(command):
            client = idle.get()  # here
            _, out, _ = client.exec_command(command)
            text = out.read()
            idle.put_nowait(client)
            return text
        """,
    "in the rest of a with": """
        def run(self, command):
            client = self.idle.get()  # here
            with self.timing(command):
                client.exec_command(command)
                self.idle.put(client)
        """,
}

NOT_BACK: dict[str, str] = {
    "who takes only consumes": """
        def close_all():
            while True:
                idle.get().close()  # here
        """,
    "only what has failed is tried again": """
        def work():
            while True:
                channel = channels.get()  # here
                try:
                    channel.recv(100)
                except OSError:
                    channels.put(channel)
        """,
    "under a condition": """
        def work():
            channel = channels.get()  # here
            if not channel.exit_status_ready():
                channels.put(channel)
        """,
    "into another queue": """
        def work(self):
            channel = self.channels.get()  # here
            self.done.put(channel.recv(100))
        """,
    "before it was taken": """
        def swap(client):
            idle.put(client)
            return idle.get()  # here
        """,
    "by a function of another name": """
        def work():
            return next(idle)  # here
        """,
}


def answer(program: str, folder: Path) -> bool:
    file = folder / "program.py"
    file.write_text(dedent(program))
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if text.endswith("# here"))
    name = file.read_text().split("def ")[1].split("(")[0]
    return puts_back(Places().places([Site(file=str(file), line=line, function=name)], "get"))


@pytest.mark.parametrize("how", BACK)
def test_what_is_taken_is_put_back(how: str, tmp_path: Path) -> None:
    assert answer(BACK[how], tmp_path)


@pytest.mark.parametrize("how", NOT_BACK)
def test_what_is_taken_is_kept(how: str, tmp_path: Path) -> None:
    assert not answer(NOT_BACK[how], tmp_path)
