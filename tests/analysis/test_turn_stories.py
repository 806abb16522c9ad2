"""Waits that name neither a lock nor a thread: home-made locks, peers that owe an answer, workers that have died."""

from __future__ import annotations

from pathlib import Path

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

FOUND |= {
    "a queue's work is waited for, and who took some of it has died": (
        "lost-exception observed",
        """
        Main: start A
        Main: put q x
        A: get q x
        A: dies "IndexError: list index out of range"
        Main: join q …
        … 5 s
        end: 3""",
    ),
    "a barrier at which one of three will never be": (
        "lost-exception observed",
        """
        A: works ex 2
        B: works ex 2
        Main: submit f1 ex
        Main: submit f2 ex
        A: run f1
        B: run f2
        A: fail f1 "SSHException: it failed"
        B: wait bar …
        Main: join B …
        … 5 s
        end: 3""",
    ),
}

FOUND |= {
    "an event is waited for, and who would have set it has died": (
        "lost-exception observed",
        """
        Main: start A
        A: stat sftp ! FileNotFoundError
        A: dies "FileNotFoundError: No such file"
        Main: wait ev …
        … 5 s
        end: 3""",
    ),
    "a condition that somebody had notified before the wait began": (
        "wait-without-timeout observed",
        """
        Main: makes-condition cond RL
        Main: start A
        A: take RL #make
        A: free RL
        A: ends
        Main: take RL #wait
        Main: wait cond … #wait
        Main: free RL
        … 5 s
        end: 3""",
    ),
}

FOUND |= {
    "an event is waited for that a thread had set for each round, and that has ended": (
        "wait-without-timeout observed",
        """
        Main: start A
        A: set ev
        Main: await ev
        A: ends
        Main: await ev …
        … 5 s
        end: 3""",
    ),
    "the last word of a queue is waited for, and who put the others in has ended": (
        "wait-without-timeout observed",
        """
        Main: start A
        A: put q x
        Main: get q x
        A: ends
        Main: get q y …
        … 5 s
        end: 3""",
    ),
    "a consumer is joined, and nobody is left to tell it that all is over": (
        "wait-without-timeout observed",
        """
        Main: start A
        Main: start B
        A: put q x
        B: get q x
        A: ends
        B: get q y …
        Main: join B …
        … 5 s
        end: 3""",
    ),
}

QUIET: dict[str, str] = {
    "an event is waited for, and one of those who may set it is at work": """
        Main: makes-event ev
        Main: start A
        Main: start B
        A: ends
        B: take L1
        Main: await ev …
        … 5 s
        end: 3""",
    "an event is waited for that has nothing to do with the threads that have ended": """
        Main: start A
        A: ends
        Main: makes-event ev
        Main: await ev …
        … 5 s
        end: 143""",
    "an event is waited for that one timer after the other sets, and the next one is there": """
        Main: makes-event ev
        Main: start A timer
        A: set ev
        Main: await ev
        A: start B timer
        A: ends
        Main: await ev …
        … 5 s
        end: 143""",
    "an event is waited for, and a signal's handler may set it": """
        Main: handles stop
        Main: makes-event ev
        Main: start A
        A: ends
        Main: await ev …
        … 5 s
        end: 143""",
    "a consumer that nobody waits for is idle": """
        Main: start A
        Main: start B
        Main: start C
        C: put q x
        A: get q x
        C: ends
        A: get q y …
        B: acquire sem …
        Main: join B …
        … 5 s
        end: 3""",
    "an event is waited for, one thread has died, and a signal's handler may set it": """
        Main: handles stop
        Main: start A
        A: dies "FileNotFoundError: No such file"
        Main: wait ev …
        … 5 s
        end: 143""",
    "an event is waited for, one thread has died, and visitors of a tunnel may set it": """
        Main: request_port_forward conn (8080)
        Main: start A
        A: dies "FileNotFoundError: No such file"
        Main: wait ev …
        … 5 s
        end: 143""",
    "an event is waited for, and a thread has died that another one has begun": """
        Main: start A
        A: start B
        B: dies "FileNotFoundError: No such file"
        A: ends
        Main: wait ev …
        … 5 s
        end: 143""",
    "a condition that was notified before, and another thread is at work that may do it again": """
        Main: makes-condition cond RL
        Main: start A
        Main: start B
        A: take RL #make
        A: free RL
        A: ends
        Main: take RL #wait
        Main: wait cond … #wait
        Main: free RL
        B: take L1
        … 5 s
        end: 3""",
    "a condition that nobody has ever touched": """
        Main: makes-condition cond RL
        Main: take RL #wait
        Main: wait cond … #wait
        Main: free RL
        … 5 s
        end: 143""",
    "a queue's work is waited for, one who took some has died, and another is at work": """
        Main: start A
        Main: start B
        Main: put q x
        Main: put q y
        A: get q x
        B: get q y
        A: dies "IndexError: list index out of range"
        Main: join q …
        B: recv ch …
        … 5 s
        end: 143""",
    "a queue's work is waited for, and one who had nothing to do with it has died": """
        Main: start A
        A: dies "IndexError: list index out of range"
        Main: join q …
        … 5 s
        end: 3""",
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


NEVER_SET = """
    Main: makes-event ev
    Main: start A
    A: run ch
    A: ends
    Main: await ev …
    … 5 s
    end: 143"""


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("if work():\n    ready.set()\n", ["wait-without-timeout observed"]),
        ("paths = set()\nqueue.put(work())\n", []),
    ],
)
def test_an_event_that_nobody_had_set_yet_hangs_only_a_program_that_sets_some(
    source: str, wanted: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    assert list(said(findings_of(NEVER_SET))) == wanted


_TURN = "A: take L\nA: {0} …\nB: wait L\n… {1} ms\nA: … {0}\nA: free L\nB: got L\nB: free L\n"


@pytest.mark.parametrize(
    ("turns", "lasting", "expected"), [(10, 600, ["advice"]), (9, 600, []), (12, 300, []), (12, 50, [])]
)
def test_turns_of_less_than_a_second_that_cost_much_altogether_are_an_advice(
    turns: int, lasting: int, expected: list[str]
) -> None:
    story = _TURN.format("read ch.stdout", lasting) * turns
    told = [f for f in findings_of(story) if f.hazard == "lock-held-across-io"]
    assert [(str(f.confidence), f.count) for f in told] == [(word, turns) for word in expected]


@pytest.mark.parametrize(
    ("call", "before", "fix"),
    [
        ("get sftp", "", "An SFTP client"),
        ("recv ch", "C: invoke_shell client …\nC: opens ch\nC: … invoke_shell client\n", "A channel"),
        ("recv ch", "A: invoke_shell client …\nA: opens ch\nA: … invoke_shell client\n", ""),
        ("exec_command client", "", ""),
    ],
)
def test_a_lock_that_is_needed_is_not_taken_away_without_its_reason(call: str, before: str, fix: str) -> None:
    told = [f for f in findings_of(before + _TURN.format(call, 3000)) if f.hazard == "lock-held-across-io"]
    assert [f.fix.partition(" is for")[0] for f in told] == [fix]


HELD_OVER_A_COMMAND = """
    A: take L
    A: connect client …
    A: … connect client
    A: read ch.stdout …
    B: wait L
    … 3 s
    A: … read ch.stdout = 3
    A: free L
    B: got L
    B: free L"""


def test_a_lock_that_has_also_kept_apart_who_writes_known_hosts_is_not_said_to_be_for_nothing() -> None:
    saves = 'A: save_host_keys client (7) "1:2"\n    A: … connect client'
    for story, told in (
        (HELD_OVER_A_COMMAND, False),
        (HELD_OVER_A_COMMAND.replace("A: … connect client", saves), True),
    ):
        (found,) = [f for f in findings_of(story) if f.hazard == "lock-held-across-io"]
        assert ("known_hosts" in found.fix) is told
