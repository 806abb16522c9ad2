"""Which hosts, and how to log in there: the options that ``exec`` and ``copy`` share."""

from __future__ import annotations

import argparse
import contextlib
import functools
import getpass
import signal
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, cast

from paramedic.cli.command import CommandError
from paramedic.safe import Configuration, Group, KnownHosts, SafeError
from paramedic.safe.chunks import worker_arguments
from paramedic.safe.known_hosts import Policy

UNREACHED_STATUS = 3
"""Exit status when a host could not be reached, or a limit passed."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options.

    Threads: main thread; does not block.
    """
    which = parser.add_argument_group("hosts")
    which.add_argument(
        "-H",
        "--hosts",
        action="append",
        default=[],
        metavar="HOSTS",
        help="host names and patterns: web[1-200], db1,db2, @group (ClusterShell's groups), user@host:port; repeatable",
    )
    which.add_argument(
        "-f",
        "--hosts-file",
        action="append",
        default=[],
        metavar="FILE",
        help="hosts, a pattern per line; '-': stdin",
    )
    which.add_argument("-x", "--exclude", action="append", default=[], metavar="HOSTS", help="hosts to leave out")
    login = parser.add_argument_group("login")
    login.add_argument("-u", "--user", metavar="NAME", help="user name (default: ssh_config's, or yours)")
    login.add_argument("-p", "--port", type=port, metavar="N", help="TCP port")
    login.add_argument("-i", "--identity", action="append", default=[], metavar="FILE", help="private key; repeatable")
    login.add_argument("-F", "--config", metavar="FILE", help="ssh_config to read (default: yours and the system's)")
    login.add_argument("--ask-password", action="store_true", help="ask for a password, once for all hosts")
    login.add_argument("--known-hosts", action="append", default=[], metavar="FILE", help="known_hosts to trust")
    login.add_argument(
        "--accept-new", action="store_true", help="add keys of hosts that are not known yet; changed keys are refused"
    )
    pace = parser.add_argument_group("pace")
    pace.add_argument("-n", "--concurrency", type=positive, default=64, metavar="N", help="hosts at once (64)")
    pace.add_argument(
        "--connect-timeout", type=seconds, metavar="S", help="seconds to connect (ssh_config's ConnectTimeout, or 15)"
    )
    pace.add_argument("--fail-fast", action="store_true", help="stop everything at the first failure")


# The functions below are types of argparse's, which tells their names where they raise ValueError: "invalid seconds
# value: 'x'".


def port(text: str) -> int:
    """A TCP port.

    Raises:
        argparse.ArgumentTypeError: there is no such port.
        ValueError: it is no number.

    Threads: pure.
    """
    number = int(text)
    if not 0 < number < 65536:
        raise argparse.ArgumentTypeError("ports are numbers from 1 to 65535")
    return number


def positive(text: str) -> int:
    """A whole number from 1 on.

    Raises:
        argparse.ArgumentTypeError: it is smaller.
        ValueError: it is no number.

    Threads: pure.
    """
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def seconds(text: str) -> float:
    """A time span.

    Raises:
        argparse.ArgumentTypeError: it is 0 or less, or decades.
        ValueError: it is no number.

    Threads: pure.
    """
    number = float(text)
    if not 0 < number < 10**9:
        raise argparse.ArgumentTypeError("seconds, more than 0")
    return number


def chosen_hosts(args: argparse.Namespace) -> list[str]:
    """The hosts that the options name, each once, in the order in which they were named.

    Raises:
        CommandError: there is none, or a pattern or a file is wrong.

    Threads: main thread; reads files, and standard input for '-'.
    """
    patterns = list(args.hosts)
    for name in args.hosts_file:
        try:
            text = sys.stdin.read() if name == "-" else Path(name).expanduser().read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{name}: {getattr(error, 'strerror', None) or 'not a text file'}") from error
        patterns += [words for line in text.splitlines() if (words := line.split("#", 1)[0].strip())]
    left_out = set(_expanded(args.exclude))
    hosts = [host for host in dict.fromkeys(_expanded(patterns)) if host not in left_out]
    if not hosts:
        raise CommandError("no hosts: name them with -H 'web[1-3]' or --hosts-file")
    return hosts


def _expanded(patterns: Iterable[str]) -> list[str]:
    from ClusterShell.NodeSet import NodeSet, NodeSetException

    found: list[str] = []
    for pattern in patterns:
        for word in pattern.split():
            if word.count(":") > 1 or word.startswith("[") and "]" in word and ":" in word:
                found.append(word)  # an IPv6 address; ClusterShell would take the brackets for a range
                continue
            try:
                named = list(NodeSet(word))
            except NodeSetException as error:
                raise CommandError(f"not a host pattern: {word!r} ({error})") from error
            except Exception as error:  # group sources are programs of the user's
                raise CommandError(f"{word!r} cannot be looked up: {error}") from error
            if not named:
                groups = "; `nodeset -LL` lists ClusterShell's groups" if "@" in word else ""
                raise CommandError(f"{word!r} names no host{groups}")
            found += named
    return found


@contextlib.contextmanager
def signals_end_it() -> Iterator[None]:
    """Inside of the block SIGTERM and SIGHUP end the program as Ctrl-C does: remote processes are ended first.

    Signals that are ignored (nohup) stay so. A second one ends the program at once.

    Raises:
        SystemExit: one came; its status is what a shell says of such an end.

    Threads: main thread; does not block.
    """

    def end(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise SystemExit(128 + number)

    numbers = [number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None]
    taken = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def folded_names(hosts: Iterable[str]) -> str:
    """Host names as a pattern: web[1-3].

    Threads: any thread; does not block.
    """
    from ClusterShell.NodeSet import NodeSet

    names = list(hosts)
    try:
        return str(NodeSet.fromlist(names))
    except Exception:
        return ",".join(names)


def group(
    args: argparse.Namespace,
    hosts: list[str],
    *,
    dask: str | None = None,
    leash: bool = False,
) -> Group:
    """The group that the options describe; nothing is connected yet.

    Args:
        args: the parsed options.
        hosts: from :func:`chosen_hosts`.
        leash: run commands so that they end when their connection does.
        dask: address of a Dask scheduler whose workers do the work.

    Raises:
        CommandError: an option makes no sense, or Dask is not installed or does not answer.

    Threads: main thread; reads files, and asks for a password on the terminal.
    """
    policy: Policy | None = "accept-new" if args.accept_new else None
    more: dict[str, Any] = {}
    instead: dict[str, Any] = {}  # of what the configuration says, for jump hosts too
    if policy is not None:
        instead["host_key_policy"] = policy
    if args.connect_timeout is not None:
        instead["connect_timeout_s"] = args.connect_timeout
    if dask is None:
        if args.known_hosts:
            more["known_hosts"] = KnownHosts(*args.known_hosts, policy=policy or "strict")
        more["key_filename"] = args.identity
        if args.ask_password:
            more["password"] = getpass.getpass("Password for all hosts: ")
    else:
        if args.ask_password:
            raise CommandError("--ask-password and --dask do not go together: secrets do not travel to workers")
        known = (policy or "strict") if args.known_hosts else ""
        more["executor"] = _dask_executor(dask)
        more["worker_setup"] = functools.partial(worker_arguments, args.known_hosts, known, args.identity, None)
    try:
        config = Configuration(args.config) if args.config else Configuration()
        named = [config.destination(host, username=args.user, port=args.port) for host in hosts]
        named = [
            replace(each, **instead, jumps=tuple(replace(jump, **instead) for jump in each.jumps)) for each in named
        ]
        return Group(named, concurrency=args.concurrency, leash=leash, **more)
    except (SafeError, ValueError) as error:
        raise CommandError(str(error)) from error


def _dask_executor(address: str) -> Any:
    try:
        import distributed
    except ImportError as error:
        raise CommandError("--dask needs Dask: pip install 'paramedic[dask]'") from error
    try:
        # pure=False: without it, Dask runs equal calls only once.
        client: Any = cast(Any, distributed.Client)(address, timeout=10)
        return client.get_executor(pure=False)
    except (OSError, ValueError) as error:
        raise CommandError(f"no Dask scheduler at {address}: {error}") from error
