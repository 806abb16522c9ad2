"""Where to connect and as whom: values, and how they are read from ``ssh_config`` files."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from paramedic.safe import known_hosts, ssh_config
from paramedic.safe.errors import BadConfiguration

USER_CONFIG = "~/.ssh/config"
SYSTEM_CONFIG = "/etc/ssh/ssh_config"
_DEFAULT_KEYS = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")

Prompt = Callable[[str, str, Sequence[tuple[str, bool]]], Sequence[str]]
"""Answers keyboard-interactive questions: (title, instructions, [(question, echo)]) -> answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What proves who we are. It is never written to a log and never pickled.

    Threads: a value; share it freely. ``prompt`` is called on a thread of the pool, never on one that reads a
    connection; several may be called at once.
    """

    password: str | None = field(default=None, repr=False)
    passphrase: str | None = field(default=None, repr=False)
    pkey: Any = field(default=None, repr=False)
    """A ``paramiko.PKey``."""
    key_filenames: tuple[str, ...] = ()
    allow_agent: bool = True
    look_for_keys: bool = True
    prompt: Prompt | None = field(default=None, repr=False)
    gss: bool = False

    @classmethod
    def named(
        cls, key_filename: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None, **others: Any
    ) -> Credentials:
        """Credentials with one or several private key files, or none; ``others`` are the other fields.

        Threads: any thread; it does not block.
        """
        files = [key_filename] if isinstance(key_filename, str | os.PathLike) else list(key_filename or ())
        return cls(key_filenames=tuple(os.fspath(file) for file in files), **others)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("credentials do not travel: let each worker use its own agent, files or callback")


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One host, with all that a configuration says about it.

    Threads: a value; share it freely.
    """

    host: str
    """As the user named it."""
    hostname: str
    """What to resolve; also what known_hosts is asked for."""
    port: int = 22
    username: str = ""
    key_filenames: tuple[str, ...] = ()
    certificate_filenames: tuple[str, ...] = ()
    identities_only: bool = False
    agent_socket: str | None = None
    """None: the environment's; "none": no agent."""
    proxy_command: str | None = None
    jumps: tuple[Destination, ...] = ()
    known_hosts_files: tuple[str, ...] = ()
    """The user's first, to which keys are added; empty for the usual ones."""
    hash_known_hosts: bool = False
    host_key_alias: str | None = None
    host_key_policy: str | None = None
    family: str | None = None
    """"inet" or "inet6": only to addresses of this kind; None: to any."""
    bind_address: str | None = None
    """The address of this machine to connect from; None: the system's choice."""
    connect_timeout_s: float | None = None
    """For the TCP connection, and again for banner and key exchange; None: the pool's limits."""
    keepalive_s: float | None = None
    compress: bool = False
    gss: bool = False
    """Whether to try a Kerberos ticket, where Paramiko can (before 4, with its extra "gssapi")."""
    gss_delegate: bool = False
    """Whether the host may use the ticket, too."""

    @property
    def label(self) -> str:
        """The host as messages name it.

        Threads: any thread; it does not block.
        """
        return self.host

    def __str__(self) -> str:
        return f"{self.username}@{self.hostname}:{self.port}"


def parse_address(text: str) -> tuple[str, str, int | None]:
    """Splits ``[user@]host[:port]`` into user (or ""), host and port (or None); IPv6 goes in brackets.

    Raises:
        BadConfiguration: there is no host, or the port is no number.

    Threads: any thread; it does not block.
    """
    user, _, rest = text.rpartition("@")
    rest = rest.removeprefix("ssh://")
    user = user.removeprefix("ssh://")
    port = ""
    if rest.startswith("["):
        host, bracket, tail = rest[1:].partition("]")
        if not bracket or (tail and not tail.startswith(":")):
            raise BadConfiguration(f"not a host: {text!r}", host=text, hint="write [address]:port for IPv6")
        port = tail[1:]
    elif rest.count(":") == 1:
        host, _, port = rest.partition(":")
    else:
        host = rest  # none, or an IPv6 address without a port
    if not host or any(character.isspace() or character == "\0" for character in host) or host.startswith("-"):
        raise BadConfiguration(f"not a host: {text!r}", host=text, hint="write [user@]host[:port]")
    if port and (not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536):
        raise BadConfiguration(f"not a port: {port!r}", host=text, hint="ports are numbers from 1 to 65535")
    return user, host, int(port) if port else None


class Configuration:
    """``ssh_config`` files, read once; see :mod:`paramedic.safe.ssh_config`.

    Threads: every method may be called by any thread.
    """

    def __init__(self, *paths: str | os.PathLike[str]) -> None:
        """Reads ``paths``; by default the user's file and the system's, those that exist.

        Raises:
            BadConfiguration: a named file cannot be read, or says something that cannot be parsed.

        Threads: any thread. It reads files.
        """
        self._lines: list[ssh_config.Line] = []
        for path in paths or (USER_CONFIG, SYSTEM_CONFIG):
            file = Path(path).expanduser()
            if paths or file.is_file():
                folder = Path(SYSTEM_CONFIG).parent if path == SYSTEM_CONFIG else Path("~/.ssh").expanduser()
                self._lines += ssh_config.read(file, folder)

    def destination(
        self, target: str, *, username: str | None = None, port: int | None = None, depth: int = 0
    ) -> Destination:
        """What the files say about ``[user@]host[:port]``; what is said there wins, then the arguments.

        Raises:
            BadConfiguration: the target or a setting for it is wrong, or jump hosts go round in a circle.

        Threads: any thread. ``Match exec`` runs programs; otherwise it does not block.
        """
        user, host, said_port = parse_address(target)
        port = _checked(port, target)
        if depth > 8:
            raise BadConfiguration("ProxyJump goes round in a circle", host=host)
        found = ssh_config.look_up(self._lines, host, user or username)
        if said_port or port:
            found["port"] = [str(said_port or port)]
        try:
            destination = _destination(target, host, found)
        except BadConfiguration as error:
            error.host = error.host or host
            raise
        except (ValueError, TypeError) as error:
            raise BadConfiguration(f"ssh_config: {error}", host=host) from error
        jumps = found.get("proxyjump", ["none"])[0]
        if jumps.lower() == "none":
            return destination
        # Each hop is reached through the one before it; what a hop's own ProxyJump says is ignored, as OpenSSH does
        # for all but the first.
        meanings = ssh_config.tokens(host, found, destination.hostname)
        names = [name.strip() for name in ssh_config.expand(jumps, meanings).split(",")]
        hops = [self.destination(name, depth=depth + 1) for name in names]
        first = hops[0]
        hops = [*first.jumps, replace(first, jumps=()), *(replace(hop, jumps=()) for hop in hops[1:])]
        return replace(destination, jumps=tuple(hops))


def _destination(target: str, host: str, found: ssh_config.Settings) -> Destination:
    def first(keyword: str, default: str = "") -> str:
        return found.get(keyword, [default])[0]

    hostname = first("hostname", host)
    meanings = ssh_config.tokens(host, found, hostname)

    def paths(keyword: str) -> tuple[str, ...]:
        names = [ssh_config.expand_path(name, meanings) for name in found.get(keyword, ()) if name.lower() != "none"]
        return tuple(dict.fromkeys(names))

    def known_hosts_files() -> tuple[str, ...]:
        keywords = {"userknownhostsfile": known_hosts.USER_FILE, "globalknownhostsfile": known_hosts.SYSTEM_FILE}
        if not any(keyword in found for keyword in keywords):
            return ()
        users, systems = (paths(word) if word in found else (usual,) for word, usual in keywords.items())
        return (*(users or (os.devnull,)), *systems)  # "none": new keys are kept nowhere

    def time(keyword: str) -> float | None:
        text = first(keyword, "none")
        return None if text.lower() == "none" else ssh_config.seconds(text) or None

    port = _port(first("port", "22"))
    command = first("proxycommand", "none")
    return Destination(
        host=target,
        hostname=hostname,
        port=port,
        username=first("user") or getpass.getuser(),
        key_filenames=paths("identityfile"),
        certificate_filenames=paths("certificatefile"),
        identities_only=_yes(first("identitiesonly")),
        agent_socket=_agent(found.get("identityagent"), meanings),
        proxy_command=None if command.lower() == "none" else ssh_config.expand(command, meanings),
        known_hosts_files=known_hosts_files(),
        hash_known_hosts=_yes(first("hashknownhosts")),
        host_key_alias=first("hostkeyalias") or None,
        host_key_policy=_policy(first("stricthostkeychecking")),
        family=_family(first("addressfamily")),
        bind_address=first("bindaddress") or None,
        connect_timeout_s=time("connecttimeout"),
        keepalive_s=time("serveraliveinterval"),
        compress=_yes(first("compression")),
        gss=_yes(first("gssapiauthentication")),
        gss_delegate=_yes(first("gssapidelegatecredentials")),
    )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        try:
            return socket.getservbyname(text, "tcp")
        except OSError:
            raise ValueError(f"not a port: {text!r}") from None
    if not 0 < int(text) < 65536:
        raise ValueError(f"not a port: {text}")
    return int(text)


def _checked(port: int | None, host: str) -> int | None:
    # What resolves names takes any number, and drops what does not fit: 65558 would be 22.
    if port is not None and not (isinstance(port, int) and 0 < port < 65536):
        raise BadConfiguration(f"not a port: {port!r}", host=host, hint="ports are numbers from 1 to 65535")
    return port


def destination_of(
    host: str | Destination,
    config: Configuration | str | os.PathLike[str] | None,
    *,
    username: str | None,
    port: int | None,
) -> Destination:
    """Looks a host up, unless that was done.

    Args:
        host: as the user named it.
        config: what to apply: a configuration, the name of a file, "" for the user's and the system's, or None.
        username: instead of the configuration's.
        port: instead of the configuration's.

    Raises:
        BadConfiguration: the host or the file makes no sense.

    Threads: any thread. It may read files.
    """
    if isinstance(host, Destination):
        return host
    if not isinstance(host, str):
        raise BadConfiguration(f"not a host: {host!r}", hint="write [user@]host[:port]")
    if config is None:
        return plain_destination(host, username=username, port=port)
    if not isinstance(config, Configuration):
        config = Configuration(config) if config else Configuration()
    return config.destination(host, username=username, port=port)


def plain_destination(target: str, *, username: str | None = None, port: int | None = None) -> Destination:
    """A destination without any configuration file.

    Raises:
        BadConfiguration: the target is no ``[user@]host[:port]``.

    Threads: any thread; it does not block.
    """
    user, host, said_port = parse_address(target)
    return Destination(
        host=target,
        hostname=host,
        port=said_port or _checked(port, target) or 22,
        username=user or username or getpass.getuser(),
    )


def default_keys() -> tuple[str, ...]:
    """The user's key files that exist, in the order in which they are tried.

    Threads: any thread. It looks at files.
    """
    return tuple(path for path in map(os.path.expanduser, _DEFAULT_KEYS) if os.path.isfile(path))


def _yes(value: str) -> bool:
    return str(value).lower() in ("yes", "true")


def _agent(words: list[str] | None, meanings: dict[str, str]) -> str | None:
    if not words or words[0] == "SSH_AUTH_SOCK":
        return None
    text = words[0]
    if text.lower() == "none":
        return "none"
    if text.startswith("$") and not text.startswith("${"):
        return os.environ.get(text[1:], "none")
    return ssh_config.expand_path(text, meanings)


def _family(value: str) -> str | None:
    text = value.lower() or "any"
    if text not in ("any", "inet", "inet6"):
        raise ValueError(f"not a kind of address: {value!r}")
    return None if text == "any" else text


def _policy(value: str) -> str | None:
    text = str(value).lower()
    return {"yes": "strict", "accept-new": "accept-new", "no": "off", "off": "off"}.get(text)
