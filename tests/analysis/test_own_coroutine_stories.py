"""Event loops whose thread waits for what one of their own coroutines is to do."""

from __future__ import annotations

import pytest
from notation import Story, said

from paramedic.analysis.run import RunFacts
from paramedic.check.recording import judged
from paramedic.check.stall import own_coroutines
from paramedic.model.event import Kind, State
from paramedic.model.operations import OPERATIONS

FOUND = {
    "its result is asked for on the loop itself": "Main: ask f …",
    "a thread that asks for it is joined on the loop": """
        Main: start A
        A: ask f …
        Main: join A …""",
    "a thread that asks for it is to set an event for which the loop's waits": """
        Main: start A
        A: set ev
        Main: await ev
        A: ask f …
        Main: await ev …""",
}
QUIET = {
    "a thread asks for it, and the loop goes on": """
        Main: start A
        A: ask f …""",
    "the future is an executor's": """
        Main: start A
        A: submit f2
        A: works ex 2
        A: run f2
        Main: ask f2 …""",
    "a thread that is at work is joined": """
        Main: start A
        A: recv ch …
        Main: join A …""",
    "the coroutine is another loop's": """
        Main: start B
        B: run_forever loop2 …
        Main: ask other …""",
}


def facts_of(story: str) -> RunFacts:
    """Main's loop runs, and then the story happens, with a future ``f`` of a coroutine of that loop's."""
    told = Story("Main: run_forever loop …\n" + story.replace("ask other", "ask f3"))
    for future, loop in (("f", "loop"), ("f3", "loop2")):
        a, obj = told._thing(loop), told._thing(future)
        told._add(1, Kind.STATE, op=State.OF_COROUTINE, obj=obj, a=a)
        told.events.insert(1, told.events.pop()._replace(t_ns=told.events[0].t_ns))
    facts = RunFacts(told.texts, list(OPERATIONS), 1)
    facts.live = True
    facts.feed_all(told.events, told.ended_ns + 6_000_000_000)
    return facts


@pytest.mark.parametrize("how", FOUND)
def test_a_loop_that_waits_for_its_own_coroutine_stands_still(how: str) -> None:
    facts = facts_of(FOUND[how])
    assert own_coroutines(facts), "so it is told while it hangs"
    assert "blocking-the-event-loop observed" in said(judged(facts, []))


@pytest.mark.parametrize("how", QUIET)
def test_a_loop_that_may_go_on_does_not(how: str) -> None:
    facts = facts_of(QUIET[how])
    assert not own_coroutines(facts)
    assert not [f for f in judged(facts, []) if "a coroutine of the same loop" in f.message]
