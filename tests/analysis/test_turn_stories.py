"""Waits that have no lock and no thread in them to wait for: home-made locks, and peers that owe an answer."""

from __future__ import annotations

import pytest
from notation import findings_of, said

FOUND: dict[str, tuple[str, str]] = {
    "a lock made of a condition, whose holder follows a stream": (
        "lock-held-across-io possible",
        """
        Main: makes-condition cond RL
        A: take RL #acquire
        A: free RL
        A: readline ch.stdout …
        … 3 s
        B: take RL #acquire
        B: wait cond … #acquire
        B: free RL
        … 5 s
        end: 3""",
    ),
    "a peer that does not answer a request, whoever waits for that": (
        "wait-without-timeout observed",
        """
        Main: run_forever loop …
        A: exec_command client …
        … 8 s
        end: 3""",
    ),
    "a peer that does not answer an SFTP request, whoever waits for that": (
        "wait-without-timeout observed",
        """
        Main: run_forever loop …
        A: stat sftp …
        … 8 s
        end: 3""",
    ),
}

QUIET: dict[str, str] = {
    "a queue made of a condition, from which one takes who then follows a stream": """
        Main: makes-condition cond RL
        A: take RL #take_next
        A: free RL
        A: readline ch.stdout …
        … 3 s
        B: take RL #take_next
        B: wait cond … #take_next
        B: free RL
        … 5 s
        end: 3""",
    "a lock made of a condition, whose holder has left it and follows a stream": """
        Main: makes-condition cond RL
        A: take RL #acquire
        A: free RL
        A: take RL #release
        A: free RL
        A: readline ch.stdout …
        B: take RL #acquire
        B: wait cond … #acquire
        B: free RL
        … 5 s
        end: 3""",
    "a lock made of a condition, of whose holders one works": """
        Main: makes-condition cond RL
        A: take RL #acquire
        A: free RL
        C: take RL #acquire
        C: free RL
        A: readline ch.stdout …
        B: take RL #acquire
        B: wait cond … #acquire
        B: free RL
        … 5 s
        end: 3""",
    "a request that has a limit of its own, whose thread nobody waits for": """
        Main: run_forever loop …
        A: exec_command client (30000) …
        … 8 s
        end: 3""",
    "a request that was made just before the end": """
        Main: run_forever loop …
        A: exec_command client …
        … 4 s
        end: 3""",
    "output that a thread follows, for whose end nobody waits": """
        Main: run_forever loop …
        A: readline ch.stdout …
        … 20 s
        end: 3""",
}


@pytest.mark.parametrize("sentence", FOUND)
def test_what_hangs_is_told(sentence: str) -> None:
    wanted, story = FOUND[sentence]
    assert list(said(findings_of(story))) == [wanted]


@pytest.mark.parametrize("sentence", QUIET)
def test_what_only_looks_like_it_is_not(sentence: str) -> None:
    assert list(said(findings_of(QUIET[sentence]))) == []
