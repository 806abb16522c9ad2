"""Where a step is placed whose stack has no line of the user's own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.analysis.world import World
from paramedic.model.event import Kind
from paramedic.model.operations import NUMBER, OPERATIONS

LIBRARY, FIRST, SECOND, STARTED = 1, 2, 3, 4


def story(origins: dict[tuple[int, int], list[tuple[int, int]]]) -> Story:
    """Over a world in which stack 1 is a library's, and all others are one line of the user's."""
    world: Any = SimpleNamespace(
        stack=lambda stack: (f"line {stack}",),
        owns=lambda stack: stack != LIBRARY,
        site=lambda stack: f"line {stack}",
        thread=lambda number: SimpleNamespace(started_at=STARTED),
    )
    facts: Any = SimpleNamespace(world=world, origins=origins)
    return Story(facts)


@pytest.mark.parametrize(("t_ns", "line"), [(5, FIRST), (10, FIRST), (15, FIRST), (20, SECOND), (1000, SECOND)])
def test_a_worker_s_call_stands_where_the_task_of_that_moment_was_submitted(t_ns: int, line: int) -> None:
    tasks = {(7, LIBRARY): [(10, FIRST), (20, SECOND)]}
    assert story(tasks).place(LIBRARY, 7, t_ns)[0] == f"line {line}"


def test_without_a_task_it_stands_where_the_thread_was_started() -> None:
    assert story({}).place(LIBRARY, 7, 10)[0] == f"line {STARTED}"
    assert story({(7, LIBRARY): [(10, 0)]}).place(LIBRARY, 7, 10)[0] == f"line {STARTED}"


def test_a_line_of_the_user_s_own_needs_no_origin() -> None:
    assert story({(7, SECOND): [(10, FIRST)]}).place(SECOND, 7, 10)[0] == f"line {SECOND}"


def test_code_that_was_made_as_a_text_is_placed_where_it_was_called_from() -> None:
    made, called, typed = "F\t<string>\t5\t__init__", "F\tbad.py\t56\tmain", "F\t<string>\t2\t<module>"
    world = World({1: made, 2: called, 3: "S 1 2", 4: typed, 5: "S 1 4"})
    site, typed_in = world.site(3), world.site(5)
    assert site is not None and (site.file, site.line) == ("bad.py", 56)
    assert typed_in is not None and typed_in.file == "<string>"  # of `python -c`, all of it is


def test_a_connection_is_called_after_the_address_that_its_own_thread_asked_for() -> None:
    facts = RunFacts({1: "web1", 2: "web2"}, list(OPERATIONS), 1)
    connect, client, transport = NUMBER["SSHClient.connect"], 5, 6
    facts.feed_all(
        [
            (10, 0, client, 0, 0, NUMBER["SSHClient.__init__"], 1, Kind.NEW),
            (20, -1, client, 0, 1, connect, 1, Kind.CALL),
            (30, -1, client, 0, 2, connect, 2, Kind.CALL),
            (40, 0, transport, 0, 0, NUMBER["Transport.__init__"], 1, Kind.NEW),
        ]
    )
    assert facts.world.name(transport) == "connection #1 to web1"
