"""What went well in this run, and is told as practice: the pages promise it hazard by hazard."""

from __future__ import annotations

import pytest
from notation import findings_of


def told(hazard: str, story: str) -> list[str]:
    """The confidences of that hazard's findings."""
    return [str(f.confidence) for f in findings_of(story) if f.hazard == hazard]


def threads(many: int, *lines: str) -> str:
    """Each line by each of so many threads, line by line; ``#`` is the thread's number."""
    return "\n".join(f"W{n}: {line.replace('#', str(n))}" for line in lines for n in range(1, many + 1))


STORIES: dict[str, tuple[str, list[str], str]] = {
    "a long call on an event loop's thread": (
        "blocking-the-event-loop", ["observed"],
        "A: run_forever loop …\nA: read ch.stdout …\n… 1 s\nA: … read ch.stdout",
    ),
    "a short call on an event loop's thread": (
        "blocking-the-event-loop", ["advice"],
        "A: run_forever loop …\nA: exec_command client …\n… 10 ms\nA: … exec_command client",
    ),
    "a call on an event loop's thread that has not come back": (
        "blocking-the-event-loop", ["observed"], "A: run_forever loop …\nA: recv ch …\n… 5 s\nend: 3",
    ),
    "a call on another thread while the loop runs": (
        "blocking-the-event-loop", [], "A: run_forever loop …\nB: recv ch …\n… 1 s\nB: … recv ch",
    ),
    "a call after the loop has ended": (
        "blocking-the-event-loop", [],
        "A: run_forever loop …\nA: … run_forever loop\nA: recv ch …\n… 1 s\nA: … recv ch",
    ),
    "a question that waits for nothing on an event loop's thread": (
        "blocking-the-event-loop", [], "A: run_forever loop …\nA: recv_ready ch …\n… 1 s\nA: … recv_ready ch",
    ),
    "eleven logins to one server at once": (
        "connect-storm", ["advice"], threads(11, 'connect client# "web" …', "… connect client#"),
    ),
    "ten logins to one server at once": (
        "connect-storm", [], threads(10, 'connect client# "web" …', "… connect client#"),
    ),
    "eleven logins to as many servers at once": (
        "connect-storm", [], threads(11, 'connect client# "web#" …', "… connect client#"),
    ),
    "eleven logins of which some were dropped": (
        "connect-storm", ["observed"],
        threads(8, 'connect client# "web" …', "… connect client#")
        + "\nA: connect client9 \"web\" …\nW1: connect client1 \"web\" …\nW2: connect client2 \"web\" …"
        "\nW3: connect client3 \"web\" …\nW4: connect client4 \"web\" …\nW5: connect client5 \"web\" …"
        "\nA: … connect client9 ! SSHException: Error reading SSH protocol banner"
        "\n" + threads(5, "… connect client#"),
    ),
    "eleven sessions open at once, which the server allows": (
        "session-limit", ["advice"], threads(11, "opens ch#"),
    ),
    "eleven sessions, one after the other": (
        "session-limit", [], "\n".join(f"A: opens ch{n}\nT: gets-close ch{n}" for n in range(1, 12)),
    ),
    "eleven tunnels open at once": (
        "session-limit", [],
        threads(11, 'open_channel conn "direct-tcpip" …', "opens ch#", "… open_channel conn"),
    ),
    "the thread that is waited for at the end waits without a limit": (
        "exit-blocked", ["observed"], "A: recv ch …\nMain: shutdown …\n… 5 s\nend: 3",
    ),
    "the thread that is waited for at the end has a limit that ends it soon": (
        "exit-blocked", [], "A: recv ch (20000) …\nMain: shutdown …\n… 5 s\nend: 3",
    ),
    "the thread that is waited for at the end tries again and again": (
        "exit-blocked", ["observed"],
        "A: recv ch (2000) …\nMain: shutdown …\n… 2 s\nA: … recv ch ! TimeoutError: \nA: recv ch (2000) …\n… 1 s"
        "\nA: … recv ch ! TimeoutError: \nA: recv ch (2000) …\n… 1 s\nend: 3",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STORIES)
def test_pages_keep_what_they_promise(name: str) -> None:
    hazard, expected, story = STORIES[name]
    assert told(hazard, story) == expected
