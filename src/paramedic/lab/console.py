"""The lab at a terminal: its options, and a server that runs until Ctrl-C."""

from __future__ import annotations

import argparse
import shlex
import threading
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from paramedic.lab.manners import Manners
from paramedic.lab.process import lab
from paramedic.lab.server import Server


@dataclass(frozen=True, slots=True, kw_only=True)
class _Option:
    flag: str
    words: str
    kind: Callable[[str], Any] | None = None  # None is a switch
    unit: str = ""


# In the order of Manners. The name of the field follows from the flag: --max-sessions sets max_sessions.
_OPTIONS = (
    _Option(flag="--port", kind=int, unit="N", words="TCP port; without it, a free one"),
    _Option(flag="--sftp-root", kind=str, unit="DIR", words="folder that SFTP shows as /"),
    _Option(flag="--max-sessions", kind=int, unit="N", words="refuse sessions beyond N on one connection"),
    _Option(
        flag="--session-refusal-code", kind=int, unit="N", words="reason of such a refusal: 2 (OpenSSH) or 1 (old)"
    ),
    _Option(flag="--max-auth-tries", kind=int, unit="N", words="end the connection after N refused keys"),
    _Option(flag="--max-startups", kind=int, unit="N", words="drop connections beyond N that are not logged in"),
    _Option(flag="--max-connections", kind=int, unit="N", words="drop connections beyond N"),
    _Option(flag="--drop", kind=str, unit="HOW", words="how to drop them: reset (the default) or close"),
    _Option(flag="--banner-delay", kind=float, unit="S", words="wait before the server's first line"),
    _Option(flag="--no-banner", words="never say the first line"),
    _Option(flag="--auth-delay", kind=float, unit="S", words="wait before a login is answered"),
    _Option(flag="--keyboard-interactive", words="ask a question at login instead of taking a key"),
    _Option(flag="--answer", kind=str, unit="TEXT", words="the right answer; without it, a random one"),
    _Option(flag="--mute", words="open sessions, but never answer a request on them"),
    _Option(flag="--fast", words='answer "ok" to every command at once, and run nothing'),
    _Option(flag="--close-after-eof", words="close a session only when the client has ended its input, too"),
    _Option(flag="--stall-window", words="never give the window back: what is sent to a command stalls"),
    _Option(flag="--window-bytes", kind=int, unit="N", words="the server's window of a session"),
    _Option(flag="--silent-after", kind=float, unit="S", words="fall silent after so many seconds: a dead peer"),
    _Option(flag="--silent-after-bytes", kind=int, unit="N", words="fall silent after sending so many bytes"),
    _Option(flag="--reset-after", kind=float, unit="S", words="reset the connection after so many seconds"),
    _Option(flag="--reset-after-bytes", kind=int, unit="N", words="reset it after sending so many bytes"),
    _Option(flag="--reset-chance", kind=float, unit="P", words="reset it at random, with probability P at each piece"),
    _Option(flag="--seed", kind=int, unit="N", words="start of the random numbers of --reset-chance"),
    _Option(flag="--round-trip", kind=float, unit="S", words="add so many seconds to each round trip"),
    _Option(flag="--rekey-after-bytes", kind=int, unit="N", words="ask for new keys after so many bytes"),
    _Option(flag="--rekey-after", kind=float, unit="S", words="ask for new keys after so many seconds"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``paramedic lab`` to a parser; `manners_from` reads them back.

    Threads: any; does not block.
    """
    parser.add_argument(
        "--address",
        action="append",
        metavar="ADDR",
        help="loopback address to listen on (default 127.0.0.1); may be given several times",
    )
    for option in _OPTIONS:
        if option.kind is None:
            parser.add_argument(option.flag, action="store_true", help=option.words)
        else:
            parser.add_argument(option.flag, type=option.kind, metavar=option.unit, help=option.words)


def manners_from(arguments: argparse.Namespace) -> Manners:
    """The manners that the parsed options ask for.

    Raises:
        LabError: an address that is not loopback, a number out of its range.

    Threads: pure.
    """
    given: dict[str, Any] = {}
    names = {field.name for field in fields(Manners)}
    for option in _OPTIONS:
        name = option.flag.removeprefix("--").replace("-", "_")
        value = getattr(arguments, name)
        if value is not None:
            given[name if name in names else f"{name}_s"] = value
    if arguments.address:
        given["addresses"] = tuple(arguments.address)
    return Manners(**given)


def serve(manners: Manners) -> int:
    """Run the lab until Ctrl-C, and say on standard output how to reach it; returns the exit status.

    SIGTERM and SIGKILL end this process as they always do; the server notices, clears away and ends too.

    Raises:
        LabError: it did not start.

    Threads: main thread, which Ctrl-C interrupts; blocks until then.
    """
    try:
        with lab(manners) as server:
            print(how_to_reach(server), flush=True)
            threading.Event().wait()
    except KeyboardInterrupt:
        pass
    return 0


def how_to_reach(server: Server) -> str:
    """What a user types to get in: with ``ssh``, and with Paramiko.

    Threads: pure.
    """
    secret = f"password={server.answer!r}" if server.answer else f"key_filename={server.key_file!r}"
    asked = [f"answer the question with:  {server.answer}"] if server.answer else []
    return "\n".join(
        [
            f"SSH on {', '.join(server.hosts)} port {server.port}, user {server.user}; Ctrl-C ends it.",
            f"Whoever has the {'answer' if server.answer else 'key'} runs commands as you.",
            "",
            shlex.join(server.ssh_command()),
            *asked,
            "",
            "client = paramiko.SSHClient()",
            f"client.load_host_keys({server.known_hosts_file!r})",
            f"client.connect({server.host!r}, {server.port}, {server.user!r}, {secret},",
            "               allow_agent=False, look_for_keys=False)",
        ]
    )
