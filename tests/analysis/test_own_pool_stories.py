"""Tasks that wait for tasks of their own pool, in a run in which that went well."""

from __future__ import annotations

import pytest
from notation import findings_of, said

FOUND = {
    "two workers, and two tasks that each wait for a task of the same pool": """
        V: works ex 2
        W: works ex 2
        Main: submit f1 outer
        Main: submit f2 outer
        W: run f1
        W: submit f3 inner
        W: result f3 …
        V: run f3
        V: done f3
        W: … result f3
        W: done f1
        V: run f2
        V: done f2
        end: orderly""",
    "two workers, and two tasks that each ask for a task of the same pool, which is done by then": """
        V: works ex 2
        W: works ex 2
        Main: submit f1 outer
        Main: submit f2 outer
        W: run f1
        W: submit f3 inner
        V: run f3
        V: done f3
        W: result f3
        W: done f1
        V: run f2
        V: done f2
        end: orderly""",
}

FOUND |= {
    "two tasks that each wait for a task of the same pool, of which the first was over by luck as the next came": """
        V: works ex 2
        W: works ex 2
        Main: submit f1 outer
        W: run f1
        W: submit f3 inner
        W: result f3 …
        V: run f3
        V: done f3
        W: … result f3
        W: done f1
        Main: submit f2 outer
        V: run f2
        V: done f2
        end: orderly""",
}

FOUND |= {
    "two tasks of two places that each wait for a task of the same pool, the first over by luck as the next came": """
        V: works ex 2
        W: works ex 2
        Main: submit f1 ex one
        W: run f1
        W: submit f3 ex inner
        W: result f3 …
        V: run f3
        V: done f3
        W: … result f3
        W: done f1
        Main: submit f2 ex other
        V: run f2
        V: submit f4 ex inner
        V: result f4 …
        W: run f4
        W: done f4
        V: … result f4
        V: done f2
        end: orderly""",
}

FOUND |= {
    "two tasks that each ask for a task of the same pool, which is done: nobody waits": """
        V: works ex 2
        W: works ex 2
        Main: submit f1 outer
        Main: submit f2 outer
        W: run f1
        W: submit f3 inner
        V: run f3
        V: done f3
        W: ask f3
        W: done f1
        V: run f2
        V: done f2
        end: orderly""",
}

QUIET = {
    "two tasks of two places that each wait for a task of the same pool, the first awaited before the next came": """
        V: works ex 2
        W: works ex 2
        Main: submit f1 ex one
        W: run f1
        W: submit f3 ex inner
        W: result f3 …
        V: run f3
        V: done f3
        W: … result f3
        W: done f1
        Main: ask f1
        Main: submit f2 ex other
        V: run f2
        V: submit f4 ex inner
        V: result f4 …
        W: run f4
        W: done f4
        V: … result f4
        V: done f2
        end: orderly""",
    "two tasks of which each asks for one of another pool, which is done": """
        V: works ex2 2
        W: works ex 2
        Main: submit f1 outer
        Main: submit f2 outer
        W: run f1
        W: submit f3 inner
        V: run f3
        V: done f3
        W: ask f3
        W: done f1
        W: run f2
        W: done f2
        end: orderly""",
    "who is no worker asks for tasks that are done": """
        V: works ex 2
        W: works ex 2
        Main: submit f1 outer
        Main: submit f2 outer
        W: run f1
        V: run f2
        W: done f1
        V: done f2
        Main: ask f1
        Main: ask f2
        end: orderly""",
    "two tasks that each wait for a task of the same pool, of which the first is asked for before the next comes": """
        V: works ex 2
        W: works ex 2
        Main: submit f1 outer
        W: run f1
        W: submit f3 inner
        W: result f3 …
        V: run f3
        V: done f3
        W: … result f3
        W: done f1
        Main: ask f1
        Main: submit f2 outer
        V: run f2
        V: done f2
        end: orderly""",
    "tasks that wait for a task of the same pool, of which a semaphore lets one in, until it has waited": """
        V: works ex 2
        W: works ex 2
        Main: submit f1 outer
        W: run f1
        W: submit f3 inner
        W: result f3 …
        V: run f3
        V: done f3
        W: … result f3
        W: release sem
        Main: acquire sem
        Main: submit f2 outer
        W: done f1
        V: run f2
        V: done f2
        end: orderly""",
    "a task that waits for a task of another pool": """
        V: works ex2 1
        W: works ex 1
        Main: submit f1 outer
        W: run f1
        W: submit f3 inner
        W: result f3 …
        V: run f3
        V: done f3
        W: … result f3
        W: done f1
        end: orderly""",
    "one task at a time that waits for its own pool of two": """
        V: works ex 2
        W: works ex 2
        Main: submit f1 outer
        W: run f1
        W: submit f3 inner
        W: wait f3 …
        V: run f3
        V: done f3
        W: … wait f3
        W: done f1
        end: orderly""",
    "tasks that each ask for an earlier task of the same pool, which is done by then": """
        V: works ex 2
        W: works ex 2
        Main: submit f3 inner
        Main: submit f1 outer
        Main: submit f2 outer
        V: run f3
        V: done f3
        W: run f1
        W: result f3
        W: done f1
        V: run f2
        V: result f3
        V: done f2
        end: orderly""",
}


@pytest.mark.parametrize("sentence", FOUND)
def test_what_another_run_could_not_have_ended_is_possible(sentence: str) -> None:
    assert "pool-starvation possible" in list(said(findings_of(FOUND[sentence])))


@pytest.mark.parametrize("sentence", QUIET)
def test_who_cannot_wait_in_vain_is_left_alone(sentence: str) -> None:
    assert not [s for s in said(findings_of(QUIET[sentence])) if "pool-starvation" in s]
