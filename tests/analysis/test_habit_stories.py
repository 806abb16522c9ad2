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


_HANDLER = "Main: handles stop\n"
_FAILS = "B: get q client2\nB: exec_command client2 ! SSHException: no\n"
_POOL = "Main: put q client1\nMain: put q client2\nA: get q client1\nA: exec_command client1\nA: put q client1\n"

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
    "a handler sends while the main thread waits for a worker, and that uses the connection, too": (
        "signal-handler-reenters", ["possible"],
        _HANDLER + "Main: recv ch\nMain: await ev …\nMain: send ch #stop",
    ),
    "a function that is a handler is called": (
        "signal-handler-reenters", ["advice"], _HANDLER + "Main: recv ch\nMain: send ch #stop",
    ),
    "a handler uses a connection that the main thread does not use": (
        "signal-handler-reenters", [], _HANDLER + "A: recv ch\nMain: await ev …\nMain: send ch #stop",
    ),
    "a handler that interrupts a call on the connection, and comes back": (
        "signal-handler-reenters", ["possible"], _HANDLER + "Main: recv ch …\nMain: send ch #stop\nMain: … recv ch",
    ),
    "a handler that interrupts a call on the connection, and does not come back": (
        "signal-handler-reenters", ["observed"], _HANDLER + "Main: send ch …\nMain: send ch … #stop\n… 5 s\nend: 3",
    ),
    "a handler that sets a flag": ("signal-handler-reenters", [], _HANDLER + "Main: recv ch\nMain: set ev #stop"),
    "the only worker waits for a task behind its own": (
        "pool-starvation", ["observed"],
        "W: works ex 1\nMain: submit f1 ex\nW: run f1\nW: submit f2 ex\nW: ask f2 …\n… 5 s\nend: 3",
    ),
    "a worker waits for a task of another pool, whose worker is busy": (
        "pool-starvation", [],
        "W: works ex 1\nMain: submit f1 ex\nW: run f1\nW: submit f2 ex2\nW: ask f2 …\n… 5 s\nend: 3",
    ),
    "one of a pool's clients is not put back after a failure": (
        "pool-drained", ["possible"],
        _POOL + _FAILS + "B: ends\nend: orderly",
    ),
    "one of a pool's clients is closed instead of put back": (
        "pool-drained", [],
        _POOL + _FAILS + "B: close client2\nB: ends\nend: orderly",
    ),
    "one of a pool's clients is put back after a failure": (
        "pool-drained", [],
        _POOL + _FAILS + "B: put q client2\nB: ends\nend: orderly",
    ),
    "one of a pool's clients is handed to who repairs it": (
        "pool-drained", [],
        _POOL + _FAILS + "B: put q2 client2\nB: ends\nend: orderly",
    ),
    "what is taken and used well need not come back": (
        "pool-drained", [], _POOL + "B: get q client2\nB: exec_command client2\nB: ends\nend: orderly",
    ),
    "a queue to which nothing ever comes back is no pool": (
        "pool-drained", [],
        "Main: put q client2\nB: get q client2\nB: exec_command client2 ! SSHException: no\nB: ends\nend: orderly",
    ),
    "a read without a limit on a connection with keepalives": (
        "keepalive-is-not-a-timeout", ["advice"], "A: set_keepalive conn (1000)\nA: recv ch = 5",
    ),
    "a read with a limit on a connection with keepalives": (
        "keepalive-is-not-a-timeout", [], "A: set_keepalive conn (1000)\nA: recv ch (5000) = 5",
    ),
    "a read without a limit on another connection than that with keepalives": (
        "keepalive-is-not-a-timeout", [], "A: set_keepalive conn (1000)\nA: recv ch@conn2 = 5",
    ),
    "a read without a limit on a connection without keepalives": (
        "wait-without-timeout", ["advice"], "A: set_keepalive conn (1000)\nA: recv ch@conn2 = 5",
    ),
    "a connection that is open at the end": ("leaked-connection", ["advice"], "A: recv ch\n… 1 s\nend: orderly"),
    "a connection that is closed at the end": ("leaked-connection", [], "A: recv ch\nA: close client\nend: orderly"),
    "a connection that is open when the program is killed": ("leaked-connection", [], "A: recv ch\n… 1 s\nend: 137"),
    "many sessions one by one without TCP_NODELAY": (
        "nagle-stall", ["advice"],
        "A: state conn NO_DELAY 0\n" + "\n".join(f"A: opens ch{n}\nT: gets-close ch{n}" for n in range(1, 25)),
    ),
    "many sessions one by one with TCP_NODELAY": (
        "nagle-stall", [],
        "A: state conn NO_DELAY 1\n" + "\n".join(f"A: opens ch{n}\nT: gets-close ch{n}" for n in range(1, 25)),
    ),
    "many sessions at once without TCP_NODELAY": (
        "nagle-stall", [], "A: state conn NO_DELAY 0\n" + threads(25, "opens ch#"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STORIES)
def test_pages_keep_what_they_promise(name: str) -> None:
    hazard, expected, story = STORIES[name]
    assert told(hazard, story) == expected
