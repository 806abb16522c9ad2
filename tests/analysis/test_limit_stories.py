"""How many of something a server allows: connects that are under way, sessions of a connection."""

from __future__ import annotations

import pytest
from notation import findings_of


def threads(many: int, *lines: str) -> str:
    """Each line by each of so many threads, line by line; ``#`` is the thread's number."""
    return "\n".join(f"W{n}: {line.replace('#', str(n))}" for line in lines for n in range(1, many + 1))


_NO_BANNER = "\nW1: … connect client1 ! SSHException: Error reading SSH protocol banner\n"

STORIES: dict[str, tuple[str, list[str], str]] = {
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
    "logins to as many servers at once, of which one is broken": (
        "connect-storm", [],
        threads(8, 'connect client# "web#" …') + _NO_BANNER + threads(8, "… connect client#").partition("\n")[2]
        + '\nA: connect client1 "web1" …\nA: … connect client1',
    ),
    "logins at once to a server that answers nobody": (
        "connect-storm", [],
        threads(8, 'connect client# "web" …') + "\n… 5 s\n"
        + threads(8, "… connect client# ! SSHException: Error reading SSH protocol banner"),
    ),
    "logins at once of which those are answered, and refused, that were not dropped": (
        "connect-storm", ["observed"],
        threads(8, 'connect client# "web" …') + _NO_BANNER
        + threads(8, "… connect client# ! AuthenticationException: no").partition("\n")[2],
    ),
    "six logins of one client at once, of which the others break one": (
        "connect-storm", [],
        threads(6, 'connect client "web" …') + "\nW1: … connect client ! EOFError\n"
        + "\n".join(f"W{n}: … connect client" for n in range(2, 7)),
    ),
    "six logins at once, and who closed the client of one of them meanwhile": (
        "connect-storm", [],
        threads(6, 'connect client# "web" …') + "\nA: close client1\nW1: … connect client1 ! EOFError\n"
        + "\n".join(f"W{n}: … connect client{n}" for n in range(2, 7)),
    ),
    "twelve forwards open at once, which the connection's thread records": (
        "session-limit", [],
        threads(12, 'open_channel conn "direct-tcpip" …') + "\n"
        + "\n".join(f"T: opens ch{n}" for n in range(1, 13)) + "\n" + threads(12, "… open_channel conn"),
    ),
    "eleven sessions open at once, which the connection's thread records, and forwards before": (
        "session-limit", ["advice"],
        threads(2, 'open_channel conn "direct-tcpip" …') + "\n"
        + "\n".join(f"T: opens ch{n}" for n in range(1, 3)) + "\n" + threads(2, "… open_channel conn") + "\n"
        + "\n".join(f"T: opens ch{n}" for n in range(3, 14)),
    ),
    "eleven sessions open at once, which the server allows": (
        "session-limit", ["advice"], threads(11, "opens ch#"),
    ),
    "the eleventh session is opened when the server has told the end of the first": (
        "session-limit", [],
        "\n".join(f"A: opens ch{n}" for n in range(1, 11)) + "\nT: gets-eof ch1\nA: opens ch11\nT: gets-close ch1",
    ),
    "the eleventh session is opened when the status of the first is known": (
        "session-limit", [],
        "\n".join(f"A: opens ch{n}" for n in range(1, 11)) + "\nT: status ch1 0\nA: opens ch11\nT: gets-close ch1",
    ),
    "a session that ended counts once": (
        "session-limit", ["advice"],
        "\n".join(f"A: opens ch{n}" for n in range(1, 11))
        + "\nT: gets-eof ch1\nT: status ch1 0\nT: gets-close ch1\nA: opens ch11\nA: opens ch12",
    ),
    "the number of a session is used again before its object is collected": (
        "session-limit", [],
        "A: opens ch1\nA: sends-close ch1\nA: opens ch2 as ch1\nA: finalized ch1\nA: sends-close ch2\n"
        + "\n".join(f"A: opens ch{n}" for n in range(3, 13)),
    ),
    "eleven sessions, one after the other": (
        "session-limit", [], "\n".join(f"A: opens ch{n}\nT: gets-close ch{n}" for n in range(1, 12)),
    ),
    "eleven tunnels open at once": (
        "session-limit", [],
        threads(11, 'open_channel conn "direct-tcpip" …', "opens ch#", "… open_channel conn"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STORIES)
def test_what_is_said_of_limits(name: str) -> None:
    hazard, expected, story = STORIES[name]
    assert [str(f.confidence) for f in findings_of(story) if f.hazard == hazard] == expected


REFUSED = " ! ChannelException: (2, 'Connect failed')"


def test_sessions_that_one_thread_keeps_open_are_told_from_those_that_many_ask_for() -> None:
    def opens(who: str, number: int) -> str:
        return f"{who}: open_session conn …\n{who}: opens ch{number}\n{who}: … open_session conn\n"

    asked = "".join(opens(f"W{n}", n) for n in range(1, 5)) + "W5: open_session conn" + REFUSED
    (told,) = [f for f in findings_of(asked) if f.hazard == "session-limit"]
    assert "asked for at once" in told.message
    kept = "".join(opens("A", n) for n in range(1, 5)) + "A: open_session conn" + REFUSED
    (told,) = [f for f in findings_of(kept) if f.hazard == "session-limit"]
    assert "4 others were open on it, which had been opened before and not closed" in told.message


def test_who_was_refused_beside_others_and_got_no_reason_counts_too() -> None:
    story = f"""
        W1: opens ch1
        W2: open_session conn …
        W3: open_session conn …
        W3: … open_session conn ! SSHException: Unable to open channel.
        W2: … open_session conn{REFUSED}
        W4: open_session conn ! SSHException: Unable to open channel."""
    (told,) = [f for f in findings_of(story) if f.hazard == "session-limit"]
    assert "refused 2 sessions" in told.message
    assert told.count == 2
