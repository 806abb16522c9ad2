"""What a log leads to, and what it must not lead to. The keys are sentences; the notation is `log_writer`'s."""

from __future__ import annotations

from pathlib import Path

import pytest
from log_writer import command, connected, default_format

from paramedic.check.log import report_of_logs
from paramedic.model.finding import Confidence, Finding

ONE = connected(1) + "\n"
TWO = ONE + "1 5: Adding ssh-ed25519 host key for web1: b'aa'\n"


def findings(tmp_path: Path, text: str) -> list[Finding]:
    path = tmp_path / "paramiko.log"
    path.write_text(text)
    return list(report_of_logs([str(path)]).report.findings)


def logins_with_one_key(hosts: dict[int, str], refused: int) -> str:
    """Logins at the same time; the transports' threads, and one that is refused."""
    lines = []
    for n, host in hosts.items():
        lines += [f"1 {n}: {words}" for words in (f"start 0xc{n}", "banner", "kex", "keys")]
        lines += [
            f"1 {n + 10}: Adding ssh-ed25519 host key for {host}: b'aa'",
            f"1 {n + 10}: Trying SSH key b'a04502fa0a21e1b3b59a2c68aa0fbd81'",
        ]
    lines += [f"1 {n}: login" for n in hosts]
    return connected(1) + "\n" + "\n".join(lines + [f"1 {n}: {'no' if n == refused else 'in'}" for n in hosts])


def sessions(count: int) -> str:
    return "\n".join(f"1 {10 + n}: open {n}\n1 1: yes {n}\n1 1: ok {n}" for n in range(count)) + "\n"


FOUND: dict[str, tuple[str, str, str]] = {
    "an inner connection ends with its tunnel, whose number is in use on the outer one": (
        "closed-in-use",
        "possible",
        connected(1) + "\n1 2: open 0\n1 1: yes 0\n" + connected(3, identity="0xb3") + "\n1 4: open 0\n1 3: end",
    ),
    "the eleventh session is refused": (
        "session-limit", "observed", ONE + sessions(10) + "1 30: open 10\n5 1: refuse 10"),
    "another server forbids the fourth session with code 1": (
        "session-limit", "possible",
        ONE + sessions(4) + "1 30: open 4\n5 1: Secsh channel 4 open FAILED: : Administratively prohibited"),
    "two threads wait for the reply to a port forwarding": (
        "global-request-race", "observed",
        ONE + '1 2: Sending global request "tcpip-forward"\n1 3: Sending global request "tcpip-forward"\n'
        "9 1: Global request successful.\n1 1: Global request successful."),
    "a call of another thread begins and ends inside open()": (
        "shared-sftp-client", "observed",
        ONE + "1 2: open 0\n1 1: yes 0\n1 1: ok 0\n1 2: sftp 0 Opened sftp connection (server version 3)\n"
        "1 3: sftp 0 open(b'/a', 'rb')\n1 4: sftp 0 stat(b'/b')\n1 3: sftp 0 open(b'/a', 'rb') -> 00"),
    "a reply came that nobody waited for": (
        "shared-sftp-client", "observed",
        ONE + "1 2: open 0\n1 1: yes 0\n1 1: ok 0\n1 3: sftp 0 stat(b'/a')\n1 4: sftp 0 stat(b'/b')\n"
        "1 3: sftp 0 Unexpected response #7"),
    "two threads call in turns, with or without a lock": (
        "shared-sftp-client", "advice",
        ONE + "1 2: open 0\n1 1: yes 0\n1 1: ok 0\n9 3: sftp 0 stat(b'/a')\n9 4: sftp 0 stat(b'/b')\n"
        "9 3: sftp 0 stat(b'/c')\n1 2: sftp 0 sftp session closed."),
    "calls of different threads begin faster than the wire": (
        "shared-sftp-client", "possible",
        ONE + "\n".join(f"9 2: open {n}\n60 1: yes {n}\n50 1: ok {n}" for n in range(3))
        + "\n1 2: sftp 0 Opened sftp connection (server version 3)\n"
        + "\n".join(f"2 {3 + n % 2}: sftp 0 stat(b'/{n}')" for n in range(6)) + "\n1 2: sftp 0 sftp session closed."),
    "a worker opens a channel when its connection is closed": (
        "closed-in-use", "observed",
        ONE + "1 2: open 0\n1 2: Dropping user packet because connection is dead.\n1 1: end"),
    "the connection ends while a worker opens a channel": (
        "closed-in-use", "possible", ONE + "1 2: open 0\n1 1: end"),
    "a forked copy uses the connection": (
        "forked-connection", "observed",
        ONE + "1 2: open 0\n1 2: open 0\n1 1: Success for unrequested channel! [??]\n1 1: end"),
    "three logins at once on one transport": (
        "shared-client-connect", "observed",
        ONE.replace("login", "login\n1 1: login\n1 1: login") + connected(4).rsplit("\n", 2)[0]),
    "a server ends a connection on which a login was asked for twice": (
        "shared-client-connect", "possible",
        connected(1).rsplit("\n", 1)[0] + "\n" + connected(4).rsplit("\n", 2)[0]
        + "\n1 1: Disconnect (code 7): Unexpected service in service request"),
    "the transport's own thread opens a channel and is silent": (
        "call-on-transport-thread", "observed",
        ONE + "1 1: Incoming tcp forwarded connection from 127.0.0.1:5\n1 1: open 0\n1 1: yes 0\n"
        "1 1: Secsh channel 0 (forwarded-tcpip) opened.\n1 1: open 1\n900 7: open 2"),
    "the transport's thread stops while it logs a rekey": (
        "call-on-transport-thread", "possible", ONE + command(1, 2, 0, ends=False) + "\n900 1: kex"),
    "a rekey does not end for half a minute": (
        "rekey-deadlock", "possible",
        ONE + "1 1: kex\n1 1: Kex: curve25519-sha256@libssh.org\n29000 2: open 0"),
    "a rekey times out": (
        "rekey-deadlock", "observed",
        ONE + "1 1: kex\n30000 1: Exception (client): Key-exchange timed out waiting for key negotiation"),
    "the transport's thread stops between the peer's EOF and its own": (
        "finalizer-deadlock", "possible",
        ONE + "\n".join(f"1 2: open {n}\n1 1: yes {n}\n1 1: ok {n}\n1 1: eof< {n}\n1 1: eof> {n}" for n in range(4))
        + "\n1 2: open 5\n1 1: yes 5\n1 1: ok 5\n1 3: open 6\n1 1: eof< 5\n1 4: open 7"),
    "a channel goes when the next one is used": (
        "dropped-channel", "possible",
        ONE + "1 2: open 0\n1 1: yes 0\n1 1: ok 0\n1 2: eof> 0\n0 2: open 1\n40 1: yes 1\n1 1: ok 1\n"
        "1 2: eof> 1\n4 1: dead 0\n90 1: eof< 1"),
    "the transport's own thread ends a channel that the peer has not ended": (
        "dropped-channel", "possible",
        ONE + "1 2: open 0\n1 1: yes 0\n1 1: ok 0\n600 2: open 1\n1 1: yes 1\n1 1: eof> 0\n1 1: ok 1\n9 1: dead 0"),
    "a window is used up by output": (
        "exit-status-before-output", "possible",
        ONE + sessions(1) + "1 1: Read packet <channel-data>, length 32777\n" * 64),
    "a window is used up by errors": (
        "undrained-stderr", "possible",
        ONE + sessions(1) + "1 1: Read packet <channel-extended-data>, length 32781\n" * 64),
    "a window is used up by output while input is written": (
        "undrained-output-while-writing", "possible",
        ONE + sessions(1)
        + "1 1: Read packet <channel-data>, length 32777\n1 2: Write packet <channel-data>, length 32777\n" * 64),
    "a crowd of logins loses some before the banner": (
        "connect-storm", "possible",
        connected(1) + "\n" + "\n".join(f"1 {n}: start 0xb{n}" for n in range(2, 9)) + "\n"
        + "\n".join(
            f"1 {n}: Exception (client): Error reading SSH protocol banner[Errno 104] Connection reset by peer"
            for n in (2, 3, 4))),
    "a connection ends under a command": (
        "closed-in-use", "advice", ONE + "1 2: open 0\n1 1: yes 0\n1 1: ok 0\n1 2: eof> 0\n700 1: end"),
    "an EOF crosses the peer's and the connection ends without a word": (
        "eof-after-close", "possible",
        ONE + command(1, 2, 0) + "\n1 2: open 1\n1 1: end"),
    "channels are ended by a second thread until nothing is answered": (
        "eof-after-close", "possible",
        ONE + "\n".join(f"1 2: open {n}\n1 1: yes {n}\n1 1: ok {n}\n1 {20 + n}: eof> {n}" for n in range(5))
        + "\n1 2: open 5\n1 1: yes 5"),
    "one agent is lost among logins": (
        "shared-agent", "observed",
        connected(1) + "\n1 2: start 0xb2\n1 3: start 0xb3\n1 2: banner\n1 2: kex\n1 2: keys\n1 2: login\n"
        "5 2: Exception (client): lost ssh-agent"),
    "channels are opened, used and left open": (
        "session-limit", "advice",
        ONE + "".join(f"1 2: open {n}\n1 1: yes {n}\n1 1: ok {n}\n9 2: sftp {n} stat(b'/a')\n" for n in range(7))),
    "one of two hosts refuses and accepts one key at the same time": (
        "shared-agent", "advice", logins_with_one_key({2: "web1", 3: "web1", 4: "web2"}, refused=3)),
    "six keys are refused before the right one": (
        "too-many-keys", "observed",
        ONE.replace("1 1: in\n", "1 1: no\n1 1: login\n1 1: no\n"
                    "1 1: Disconnect (code 2): Too many authentication failures")),
    "a thread works in the directory of another": (
        "shared-sftp-cwd", "possible",
        ONE + "1 2: open 0\n1 1: yes 0\n1 1: ok 0\n"
        "9 3: sftp 0 stat(b'/a')\n9 3: sftp 0 normalize(b'/a')\n9 4: sftp 0 stat(b'/b')\n9 4: sftp 0 normalize(b'/b')\n"
        "9 3: sftp 0 open(b'/b/report.csv', 'wb')\n9 3: sftp 0 open(b'/b/report.csv', 'wb') -> 00"),
    "a callback's exception ends the transport": (
        "lost-exception", "possible",
        ONE + command(1, 2, 0, ends=False) + "\n1 1: Unknown exception: 'NoneType' object is not callable\n"
        "1 1: Traceback (most recent call last):\n1 1:   File \"/srv/app.py\", line 7, in on_tunnel\n1 1:     1/0\n"
        "1 1: TypeError: 'NoneType' object is not callable"),
    "three threads read one channel": (
        "shared-channel", "possible",
        ONE + "1 2: open 0\n1 1: yes 0\n1 1: ok 0\n"
        + "\n".join(f"1 {3 + n % 3}: [chan 0] addwindow 100" for n in range(9)) + "\n1 2: eof> 0\n1 1: eof< 0"),
    "a channel's opening is not answered for a minute": (
        "wait-without-timeout", "possible", ONE + "1 2: open 0\n61000 3: open 1"),
    "the log stops in a command": ("wait-without-timeout", "advice", ONE + command(1, 2, 0, ends=False)),
    "the log stops in an SFTP call": (
        "wait-without-timeout", "advice",
        ONE + "1 2: open 0\n1 1: yes 0\n1 1: ok 0\n9 2: sftp 0 stat(b'/a')\n9 2: sftp 0 stat(b'/b')"),
    "keys are added unseen": ("host-key-not-verified", "advice", TWO),
    "connections go silent one after the other": (
        "leaked-connection", "advice", "\n".join(connected(n, identity=f"0x{n}") for n in range(1, 9))),
    "opening takes forty milliseconds and requests two": (
        "nagle-stall", "advice",
        ONE + "\n".join(f"9 2: open {n}\n41 1: yes {n}\n2 1: ok {n}\n1 2: eof> {n}\n9 1: eof< {n}" for n in range(4))),
    "keepalives are all that is heard": (
        "keepalive-is-not-a-timeout", "advice",
        ONE + command(1, 2, 0, ends=False) + '\n30000 1: Sending global request "keepalive@lag.net"' * 4),
    "an idle connection is lost": (
        "idle-without-keepalive", "advice", ONE + "600000 1: Socket exception: Connection timed out (110)"),
}  # fmt: skip

QUIET: dict[str, str] = {
    "a server ends the one connection at its login": connected(1).rsplit("\n", 1)[0]
    + "\n1 1: Disconnect (code 7): Unexpected service in service request",
    "a channel is asked for when one of two connections ends, and may be either's": (
        connected(1) + "\n" + connected(3, identity="0xb3") + "\n1 4: open 0\n1 3: end\n1 1: yes 0\n1 1: end"
    ),
    "a window is given back": ONE + sessions(1)
    + ("1 1: Read packet <channel-data>, length 32777\n" * 8 + "1 2: Write packet <channel-window-adjust>, length 9\n")
    * 9
    + "1 2: eof> 0\n1 1: eof< 0\n1 1: end",
    "each thread has a channel of its own": ONE + "\n".join(command(1, 2 + n % 3, n) for n in range(9)) + "\n1 1: end",
    "a tunnel's target refuses": ONE + sessions(3)
    + "1 30: open 3\n5 1: Secsh channel 3 open FAILED: Connection refused: Connect failed",
    "the transport's own thread lets go of an SFTP session": ONE + "1 2: open 0\n1 1: yes 0\n1 1: ok 0\n"
    + "1 2: sftp 0 Opened sftp connection (server version 3)\n1 2: sftp 0 stat(b'/a')\n"
    + "600 2: open 1\n1 1: yes 1\n1 1: eof> 0\n1 1: ok 1\n9 1: dead 0\n1 2: eof> 1\n1 1: eof< 1\n1 1: end",
    "a first session is refused: no limit can do that": ONE + "1 2: open 0\n5 1: refuse 0",
    "one lock holds one SFTP session together": ONE + "1 2: open 0\n1 1: yes 0\n1 1: ok 0\n"
    + "\n".join(f"9 {3 + n % 2}: sftp 0 open(b'/{n}', 'rb')\n9 {3 + n % 2}: sftp 0 open(b'/{n}', 'rb') -> 0{n}"
                for n in range(6)) + "\n9 2: sftp 0 sftp session closed.",
    "an open fails under the lock, and another thread is next": ONE + "1 2: open 0\n1 1: yes 0\n1 1: ok 0\n"
    "9 3: sftp 0 open(b'/missing', 'rb')\n9 4: sftp 0 stat(b'/b')\n9 3: sftp 0 stat(b'/c')\n"
    "9 3: sftp 0 open(b'/a', 'rb')\n9 3: sftp 0 open(b'/a', 'rb') -> 00",
    "each thread has an SFTP session with the same number": connected(1) + "\n" + connected(2) + "\n"
    + "\n".join(f"1 {t + 4}: open 0\n1 {t}: yes 0\n1 {t}: ok 0" for t in (1, 2))
    + "\n1 5: sftp 0 Opened sftp connection (server version 3)\n1 6: sftp 0 Opened sftp connection (server version 3)"
    "\n1 5: sftp 0 open(b'/a', 'rb')\n1 6: sftp 0 stat(b'/b')\n1 5: sftp 0 open(b'/a', 'rb') -> 00",
    "forwardings are asked for one after the other": ONE + (
        '1 2: Sending global request "tcpip-forward"\n1 1: Global request successful.\n'
        '1 3: Sending global request "tcpip-forward"\n1 1: Global request successful.'),
    "keepalives go out while a forwarding is asked for": ONE + '1 2: Sending global request "tcpip-forward"\n'
    '1 1: Sending global request "keepalive@lag.net"\n1 1: Global request successful.',
    "keys are tried one after the other": ONE.replace("login", "login\n9 1: no\n9 1: login\n9 1: no\n9 1: login"),
    "a channel is closed after the connection": ONE + "1 2: open 0\n1 1: yes 0\n1 1: ok 0\n1 2: eof> 0\n"
    "1 2: Dropping user packet because connection is dead.\n1 1: end",
    "a handler queues the channel of a tunnel": ONE + "1 1: Incoming tcp forwarded connection from 127.0.0.1:5\n"
    "1 1: open 0\n1 1: yes 0\n1 1: Secsh channel 0 (forwarded-tcpip) opened.\n1 2: open 1\n1 1: yes 1\n1 1: ok 1\n"
    "1 2: eof> 1\n1 1: eof< 1\n1 2: eof> 0\n1 1: eof< 0",
    "a handler opens a channel of another connection": connected(1) + "\n" + connected(2)
    + "\n1 1: Incoming tcp forwarded connection from 127.0.0.1:5\n1 1: open 0\n1 1: yes 0\n"
    "1 1: Secsh channel 0 (forwarded-tcpip) opened.\n1 1: open 7\n1 2: yes 7",
    "new keys come and go under load": ONE + command(1, 2, 0) + "\n1 1: kex\n1 1: keys\n" + command(1, 2, 1),
    "a channel is closed early and on purpose": ONE + "1 2: open 0\n1 1: yes 0\n1 1: ok 0\n900 2: eof> 0\n1 1: dead 0\n"
    "0 2: open 1\n1 1: yes 1\n1 1: ok 1\n1 2: eof> 1\n1 1: eof< 1",
    "a second thread closes channels early and drops them": ONE + "1 2: open 0\n1 1: yes 0\n1 1: ok 0\n1 3: eof> 0\n"
    "1 2: open 1\n1 1: yes 1\n1 1: ok 1\n4 1: dead 0\n1 2: eof> 1\n1 1: eof< 1",
    "an SFTP session is closed, and the next one opened": ONE + "1 2: open 0\n1 1: yes 0\n1 1: ok 0\n"
    "1 2: sftp 0 stat(b'/a')\n1 2: eof> 0\n0 2: open 1\n1 1: yes 1\n1 1: ok 1\n1 1: dead 0\n1 2: eof> 1\n1 1: eof< 1",
    "several threads close channels early at the same time": ONE + "\n".join(
        f"1 {n}: open {n}\n1 1: yes {n}\n1 1: ok {n}" for n in range(2, 5))
    + "\n1 2: eof> 2\n0 2: open 5\n1 1: yes 5\n1 1: ok 5\n2 1: dead 2",
    "one host refuses the key that others accept": logins_with_one_key({2: "web1", 3: "web3", 4: "web2"}, refused=3),
    "a proxy's pipe breaks as its connection is closed": ONE + command(1, 2, 0)
    + "\n1 1: Unknown exception: I/O operation on closed file\n1 1: Traceback (most recent call last):\n"
    "1 1:   File \"/venv/lib/python3.11/site-packages/paramiko/proxy.py\", line 109, in recv\n"
    "1 1:     r, w, x = select([self.process.stdout], [], [], select_timeout)\n"
    "1 1: ValueError: I/O operation on closed file",
    "many log in at the same time": "\n".join(
        line for step in ("start", "banner", "kex", "keys", "login", "in") for n in range(1, 9)
        for line in [f"1 {n}: {step}" + (f" 0x{n}" if step == "start" else "")]),
    "some of many hosts are down": "\n".join(
        [f"1 {n}: start 0x{n}" for n in range(1, 9)]
        + [f"1 {n}: banner\n1 {n}: kex\n1 {n}: keys\n1 {n + 20}: Adding ssh-rsa host key for h{n}: b'aa'\n"
           f"1 {n}: login\n1 {n}: in" for n in range(1, 6)]
        + [f"15000 {n}: Exception (client): Error reading SSH protocol banner" for n in (6, 7, 8)]),
    "one reads stdout and one reads stderr": ONE + "1 2: open 0\n1 1: yes 0\n1 1: ok 0\n"
    + "\n".join(f"1 {3 + n % 2}: [chan 0] addwindow 100" for n in range(9)) + "\n1 2: eof> 0\n1 1: eof< 0",
    "the program is started again and appends": ONE + command(1, 2, 0) + "\n90000 1: start 0xf1\n" + "\n".join(
        f"1 1: {words}" for words in ("banner", "kex", "keys", "login", "in")) + "\n" + command(1, 2, 0),
    "two processes write with the same numbers": "\n".join(
        f"1 1: {step}" for step in ("start 0xa", "start 0xb", "banner", "banner", "kex", "kex", "keys", "keys", "login",
                                    "login", "in", "in")),
}  # fmt: skip


@pytest.mark.parametrize("sentence", FOUND)
def test_found(sentence: str, tmp_path: Path) -> None:
    hazard, confidence, story = FOUND[sentence]
    found = {f.hazard: f for f in findings(tmp_path, default_format(story))}
    assert hazard in found, sorted(found)
    assert found[hazard].confidence == confidence
    assert found[hazard].steps and all(s.what for s in found[hazard].steps)
    others = {f.hazard for f in found.values() if f.confidence is not Confidence.ADVICE} - {hazard}
    assert others <= {"session-limit"}


@pytest.mark.parametrize("sentence", QUIET)
def test_quiet(sentence: str, tmp_path: Path) -> None:
    loud = [f for f in findings(tmp_path, default_format(QUIET[sentence])) if f.confidence is not Confidence.ADVICE]
    assert [(f.hazard, f.message) for f in loud] == []


@pytest.mark.parametrize("sentence", FOUND)
def test_later_lines_do_not_unsay_what_was_observed(sentence: str, tmp_path: Path) -> None:
    hazard, confidence, story = FOUND[sentence]
    if confidence != "observed" or hazard == "call-on-transport-thread":
        return  # what only the end of a log suggests may be answered by its next line
    later = story + "\n" + connected(50, identity="0x50") + "\n" + command(50, 51, 0)
    assert hazard in {f.hazard for f in findings(tmp_path, default_format(later)) if f.confidence == "observed"}


def test_a_handler_that_uses_another_connection_makes_no_guess_of_the_log(tmp_path: Path) -> None:
    path = tmp_path / "p.log"
    path.write_text(default_format(QUIET["a handler opens a channel of another connection"]))
    (facts,) = report_of_logs([str(path)]).runs
    assert not facts.mixed
    assert [t.channels for t in facts.transports] == [1, 1]


def test_the_steps_name_the_lines(tmp_path: Path) -> None:
    hazard, _, story = FOUND["a call of another thread begins and ends inside open()"]
    text = default_format(story)
    (finding,) = [f for f in findings(tmp_path, text) if f.hazard == hazard]
    lines = text.splitlines()
    for step in finding.steps:
        assert step.site is not None
        assert lines[step.site.line - 1].strip() in step.what


def test_names_of_threads_and_numbers_of_channels_do_not_matter(tmp_path: Path) -> None:
    _, _, story = FOUND["a call of another thread begins and ends inside open()"]
    other = (
        story.replace(" 3: ", " 733: ").replace(" 4: ", " 12345: ").replace("sftp 0", "sftp 7").replace(" 0\n", " 7\n")
    )
    assert {f.hazard for f in findings(tmp_path, default_format(other))} == {
        f.hazard for f in findings(tmp_path, default_format(story))
    }


def test_sessions_that_go_from_hand_to_hand_are_advice_once(tmp_path: Path) -> None:
    turns = "\n".join(
        f"1 2: open {n}\n1 1: yes {n}\n1 1: ok {n}\n"
        + "\n".join(f"9 {thread}: sftp {n} stat(b'/a')" for thread in (3, 4, 3))
        + f"\n1 2: sftp {n} sftp session closed."
        for n in range(5)
    )
    (told,) = [f for f in findings(tmp_path, default_format(ONE + turns)) if f.hazard == "shared-sftp-client"]
    assert (told.confidence, told.count) == (Confidence.ADVICE, 5)
    handed_over = "\n".join(f"9 {thread}: sftp 0 stat(b'/a')" for thread in (3, 3, 4, 4))
    opened = "1 2: open 0\n1 1: yes 0\n1 1: ok 0\n"
    assert not [
        f for f in findings(tmp_path, default_format(ONE + opened + handed_over)) if f.hazard == "shared-sftp-client"
    ]


@pytest.mark.parametrize(("sftp_after_ms", "told"), [(0, True), (550_000, False)], ids=["silent", "in use"])
def test_a_connection_whose_channel_a_worker_uses_is_not_idle(sftp_after_ms: int, told: bool, tmp_path: Path) -> None:
    used = ONE + "1 2: open 0\n1 1: yes 0\n1 1: ok 0\n1 2: sftp 0 stat(b'/a')\n"
    lost = f"{sftp_after_ms} 2: sftp 0 stat(b'/b')\n{600_000 - sftp_after_ms} 1: Socket exception: Connection timed out"
    hazards = [f.hazard for f in findings(tmp_path, default_format(used + lost))]
    assert ("idle-without-keepalive" in hazards) == told
