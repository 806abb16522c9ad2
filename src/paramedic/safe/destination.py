"""Where to connect and as whom: values, and how they are read from ``ssh_config`` files."""

from __future__ import annotations

import getpass
import glob
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import paramiko

from paramedic.safe.errors import BadConfiguration

USER_CONFIG = "~/.ssh/config"
SYSTEM_CONFIG = "/etc/ssh/ssh_config"
_DEFAULT_KEYS = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")
_MOST_INCLUDES = 16  # as OpenSSH's READCONF_MAX_DEPTH

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
    host_key_alias: str | None = None
    host_key_policy: str | None = None
    connect_timeout_s: float | None = None
    keepalive_s: float | None = None
    compress: bool = False
    gss: bool = False

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
            raise BadConfiguration(f"not a host: {text!r}", hint="write [address]:port for IPv6")
        port = tail[1:]
    elif rest.count(":") == 1:
        host, _, port = rest.partition(":")
    else:
        host = rest  # none, or an IPv6 address without a port
    if not host or any(character.isspace() or character == "\0" for character in host) or host.startswith("-"):
        raise BadConfiguration(f"not a host: {text!r}", hint="write [user@]host[:port]")
    if port and (not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536):
        raise BadConfiguration(f"not a port: {text!r}", hint="ports are numbers from 1 to 65535")
    return user, host, int(port) if port else None


class Configuration:
    """``ssh_config`` files, read once.

    ``Include`` is followed (Paramiko does not); an included file's own ``Host`` lines apply as if they stood in its
    place.

    Threads: every method may be called by any thread; Paramiko's parser is not shared between two at once.
    """

    def __init__(self, *paths: str | os.PathLike[str]) -> None:
        """Reads ``paths``; by default the user's file and the system's, those that exist.

        Raises:
            BadConfiguration: a named file cannot be read, or says something that cannot be parsed.

        Threads: any thread. It reads files.
        """
        self._lock = threading.Lock()
        named = bool(paths)
        lines: list[str] = []
        for path in paths or (USER_CONFIG, SYSTEM_CONFIG):
            file = Path(path).expanduser()
            if named or file.is_file():
                # Each file starts outside of any block, whatever the last one ended with.
                lines += ["Host *", *_read(file, 0)]
        try:
            self._config = paramiko.SSHConfig.from_text("\n".join(lines))
        except Exception as error:
            raise BadConfiguration(f"ssh_config: {error}", hint="`ssh -G host` shows where OpenSSH stumbles") from error

    def destination(
        self, target: str, *, username: str | None = None, port: int | None = None, depth: int = 0
    ) -> Destination:
        """What the files say about ``[user@]host[:port]``; what is said there wins, then the arguments.

        Raises:
            BadConfiguration: the target or a setting for it is wrong, or jump hosts go round in a circle.

        Threads: any thread. ``Match exec`` runs programs; otherwise it does not block.
        """
        user, host, said_port = parse_address(target)
        with self._lock:
            try:
                found: dict[str, Any] = dict(self._config.lookup(host))
            except Exception as error:
                raise BadConfiguration(f"ssh_config: {error}", host=host) from error
        if depth > 8:
            raise BadConfiguration("ProxyJump goes round in a circle", host=host)
        try:
            destination = Destination(
                host=target,
                hostname=str(found.get("hostname", host)),
                port=said_port or port or int(found.get("port", 22)),
                username=user or username or str(found.get("user", "")) or getpass.getuser(),
                key_filenames=tuple(_paths(found.get("identityfile", ()))),
                certificate_filenames=tuple(_paths(found.get("certificatefile", ()))),
                identities_only=_yes(found.get("identitiesonly", "no")),
                agent_socket=_agent(found.get("identityagent")),
                known_hosts_files=tuple(_words(found.get("userknownhostsfile", ""))),
                host_key_alias=found.get("hostkeyalias"),
                host_key_policy=_policy(found.get("stricthostkeychecking")),
                connect_timeout_s=float(found["connecttimeout"]) if "connecttimeout" in found else None,
                keepalive_s=float(found["serveraliveinterval"]) or None if "serveraliveinterval" in found else None,
                compress=_yes(found.get("compression", "no")),
                gss=_yes(found.get("gssapiauthentication", "no")),
            )
        except (ValueError, TypeError) as error:
            raise BadConfiguration(f"ssh_config: {error}", host=host) from error
        jumps = str(found.get("proxyjump", "none"))
        command = found.get("proxycommand")
        if jumps.lower() != "none":
            # Each hop is reached through the one before it; what a hop's own ProxyJump says is ignored, as OpenSSH does
            # for all but the first.
            hops = [self.destination(hop.strip(), depth=depth + 1) for hop in jumps.split(",")]
            first = hops[0]
            hops = [*first.jumps, replace(first, jumps=()), *(replace(hop, jumps=()) for hop in hops[1:])]
            return replace(destination, jumps=tuple(hops))
        if command is not None and str(command).lower() != "none":
            return replace(destination, proxy_command=str(command))
        return destination


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
        port=said_port or port or 22,
        username=user or username or getpass.getuser(),
    )


def default_keys() -> tuple[str, ...]:
    """The user's key files that exist, in the order in which they are tried.

    Threads: any thread. It looks at files.
    """
    return tuple(path for path in map(os.path.expanduser, _DEFAULT_KEYS) if os.path.isfile(path))


def _read(file: Path, depth: int) -> list[str]:
    if depth > _MOST_INCLUDES:
        raise BadConfiguration(f"{file}: too many Includes in each other")
    try:
        text = file.read_text("utf-8", "surrogateescape")
    except OSError as error:
        raise BadConfiguration(f"{file}: {error.strerror or error}", hint="name a readable ssh_config file") from error
    lines: list[str] = []
    block = "Host *"
    for line in text.splitlines():
        words = line.strip().replace("=", " ", 1).split()
        key = words[0].lower() if words else ""
        if key in ("host", "match"):
            block = line.strip()
        if key != "include":
            lines.append(line)
            continue
        for pattern in words[1:]:
            path = os.path.expanduser(pattern.strip('"'))
            if not os.path.isabs(path):
                path = os.path.join(os.path.expanduser("~/.ssh"), path)
            for name in sorted(glob.glob(path)):
                lines += _read(Path(name), depth + 1)
                lines.append(block)  # what follows belongs to the block that the Include stood in
    return lines


def _paths(names: Any) -> list[str]:
    return [os.path.expanduser(name) for name in _listed(names) if name.lower() != "none"]


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _words(value: Any) -> list[str]:
    words = " ".join(_listed(value)).split()
    return [os.path.expanduser(word) for word in words if word.lower() != "none"]


def _yes(value: Any) -> bool:
    return str(value).lower() in ("yes", "true")


def _agent(value: Any) -> str | None:
    if value is None or str(value) == "SSH_AUTH_SOCK":
        return None
    text = str(value)
    if text.lower() == "none":
        return "none"
    return os.path.expanduser(os.environ.get(text[1:].strip("{}"), "none") if text.startswith("$") else text)


def _policy(value: Any) -> str | None:
    text = str(value).lower()
    return {"yes": "strict", "accept-new": "accept-new", "no": "off", "off": "off"}.get(text)
