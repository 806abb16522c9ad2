"""Locks that a program has for itself: which of them order the uses of an object, and which did so by luck."""

from __future__ import annotations

import pytest
from notation import findings_of, said

FOUND: dict[str, tuple[str, str]] = {
    "a lock for a counter, between the two": (
        "shared-sftp-client possible",
        """
        A: stat sftp
        A: take L notes
        A: free L
        B: take L notes
        B: free L
        B: stat sftp""",
    ),
    "one looks at the counter after its use, one before": (
        "shared-sftp-client possible",
        """
        A: stat sftp
        A: take L
        A: free L
        B: take L notes
        B: free L
        B: stat sftp""",
    ),
    "a flag that says that the end is near, and workers that look at it, but nobody waits for them": (
        "closed-in-use possible",
        """
        A: take L
        A: free L
        A: exec_command client
        A: take L
        A: free L
        Main: take L notes
        Main: free L
        Main: close client""",
    ),
    "a lock in which one calls it, and another only counts": (
        "shared-sftp-client possible",
        """
        A: take L
        A: stat sftp
        A: free L
        B: take L notes
        B: free L
        B: stat sftp""",
    ),
}
QUIET: dict[str, str] = {
    "who looks at the counter has waited for all who count": """
        A: stat sftp
        A: take L notes
        A: free L
        B: take L notes
        B: free L
        Main: take L
        Main: free L
        Main: stat sftp""",
    "who has looked counts, too, before the next one looks": """
        A: stat sftp
        A: take L notes
        A: free L
        B: take L
        B: free L
        C: take L notes
        C: free L
        Main: take L
        Main: free L
        Main: stat sftp""",
    "who knows of the one that counts later learns from the others all the same": """
        B: stat sftp
        B: take L notes
        B: free L
        A: take L notes
        A: free L
        A: ends
        Main: join A
        Main: take L
        Main: free L
        Main: stat sftp""",
    "something is handed on under the lock": """
        A: stat sftp
        A: take L notes
        A: free L
        B: take L notes
        B: set ev
        B: free L
        Main: await ev
        Main: stat sftp""",
    "the object is used under the lock of those who note": """
        A: take L notes
        A: stat sftp
        A: free L
        B: take L notes
        B: stat sftp
        B: free L""",
    "a lock as a gate: it is known to be taken": """
        A: take L
        A: put q x
        B: get q x
        A: stat sftp
        A: free L
        B: take L notes
        B: free L
        B: stat sftp""",
    "… of a thread that is started with it shut": """
        Main: take L
        Main: start B
        Main: stat sftp
        Main: free L
        B: take L notes
        B: free L
        B: stat sftp""",
}
BY_LUCK: dict[str, tuple[str, str]] = {
    "a lock between the two": (
        "shared-sftp-client possible",
        """
        A: stat sftp
        A: take L
        A: free L
        B: take L
        B: free L
        B: stat sftp""",
    ),
    "one of the two has the lock": (
        "shared-sftp-client possible",
        """
        A: take L
        A: stat sftp
        A: free L
        B: take L
        B: free L
        B: stat sftp""",
    ),
    "a close after the lock": (
        "closed-in-use possible",
        """
        A: exec_command client
        A: take L
        A: free L
        Main: take L
        Main: free L
        Main: close client""",
    ),
}
STILL_APART: dict[str, str] = {
    "both have the lock": """
        A: take L
        A: stat sftp
        A: free L
        B: take L
        B: stat sftp
        B: free L""",
    "a close with the lock that its users have": """
        A: take L
        A: exec_command client
        A: free L
        Main: take L
        Main: close client
        Main: free L""",
    "a queue": """
        A: stat sftp
        A: put q x
        B: get q x
        B: stat sftp""",
    "a flag that is polled under a lock": """
        B: take L #polls
        B: free L
        B: take L #polls
        B: free L
        A: stat sftp
        A: take L
        A: free L
        B: take L #polls
        B: free L
        B: stat sftp""",
}


@pytest.mark.parametrize(("expected", "story"), FOUND.values(), ids=FOUND)
def test_what_a_lock_does_not_order(expected: str, story: str) -> None:
    assert list(said(findings_of(story))) == [expected]


@pytest.mark.parametrize("story", QUIET.values(), ids=QUIET)
def test_what_a_lock_orders(story: str) -> None:
    assert list(said(findings_of(story))) == []


@pytest.mark.parametrize(("expected", "story"), BY_LUCK.values(), ids=BY_LUCK)
def test_what_only_a_lock_has_ordered(expected: str, story: str) -> None:
    assert list(said(findings_of(story))) == []
    assert list(said(findings_of(story, locks_order=False))) == [expected]


@pytest.mark.parametrize("story", STILL_APART.values(), ids=STILL_APART)
def test_what_is_no_luck(story: str) -> None:
    assert list(said(findings_of(story, locks_order=False))) == []
