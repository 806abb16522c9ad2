"""``ssh_config`` files, read as OpenSSH reads them (ssh_config(5)); ``ssh -G`` is what it is tested against.

Paramiko's parser (5.1) knows no ``Include``, takes the first of several certificates, matches ``[`` as a set and
every ``Match`` with an unknown criterion, and does not know which user was asked for.
"""

from __future__ import annotations

import fnmatch
import getpass
import glob
import hashlib
import os
import re
import socket
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from paramedic.safe.errors import BadConfiguration

_MOST_INCLUDES = 16  # as OpenSSH's READCONF_MAX_DEPTH
_EXEC_LIMIT_S = 30.0
_WHOLE_LINE = frozenset({"proxycommand", "localcommand", "remotecommand", "knownhostscommand"})
_COLLECTED = frozenset({"identityfile", "certificatefile"})
_WITHOUT_ARGUMENT = frozenset({"all", "canonical", "final"})
_WITH_ARGUMENT = frozenset({"exec", "host", "originalhost", "user", "localuser", "tagged"})
_NOT_SUPPORTED = frozenset({"localnetwork", "version", "sessiontype", "command"})

Settings = dict[str, list[str]]
"""Keywords in lower case; the words of the value that counts."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One condition of a ``Host`` or ``Match`` line."""

    kind: str
    argument: str = ""
    negated: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """What a ``Host`` or ``Match`` line begins; in an included file, within the block that the Include stands in."""

    outer: Block | None = None
    criteria: tuple[Criterion, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One setting, and the block that it stands in; without a keyword, the block's beginning."""

    block: Block
    keyword: str
    words: tuple[str, ...]


@dataclass(slots=True)
class _Target:
    """What is known of the host while the lines are gone through."""

    original: str
    host: str
    settings: Settings
    final: bool = False
    canonical: bool = False
    asks_again: bool = False
    met: dict[Block, bool] = field(default_factory=dict)
    """Blocks are judged once, when they begin, by what is known then."""

    @property
    def user(self) -> str:
        return self.settings.get("user", [""])[0] or getpass.getuser()

    @property
    def hostname(self) -> str:
        name = self.settings.get("hostname", [""])[0]
        return expand(name, {"h": self.host}) if name else self.host


def read(path: Path, folder: Path) -> list[Line]:
    """Reads a file and those that it includes.

    Args:
        path: the file.
        folder: where relative names of included files begin.

    Raises:
        BadConfiguration: it cannot be read or understood.

    Threads: any thread. It reads files.
    """
    return list(_lines(path, folder, Block(), 0))


def _lines(path: Path, folder: Path, outer: Block, depth: int) -> Iterator[Line]:
    if depth > _MOST_INCLUDES:
        raise BadConfiguration(f"{path}: too many Includes in each other")
    try:
        text = path.read_text("utf-8", "surrogateescape")
    except OSError as error:
        raise BadConfiguration(f"{path}: {error.strerror or error}", hint="name a readable ssh_config file") from error
    block = outer
    for number, line in enumerate(text.split("\n"), 1):
        found = re.match(r"\s*([^\s=#\"]+)(?:\s*=\s*|\s+|$)(.*)", line)
        if found is None or not line.strip() or line.lstrip().startswith("#"):
            if line.strip() and not line.lstrip().startswith("#"):
                raise BadConfiguration(f"{path} line {number}: no keyword")
            continue
        keyword, rest = found[1].lower(), found[2].strip(" \t\r\f")
        try:
            words = [rest] if keyword in _WHOLE_LINE else _split(rest)
            if not rest:
                raise ValueError("a keyword without a value")
            if keyword == "host":
                block = Block(outer, (Criterion("host line", " ".join(words)),))
            elif keyword == "match":
                block = Block(outer, tuple(_criteria(words)))
            if keyword in ("host", "match"):
                yield Line(block, "", ())
            elif keyword == "include":
                for word in words:
                    where = folder / os.path.expanduser(word)
                    for name in sorted(glob.glob(str(where))):
                        if os.path.isdir(name):
                            continue  # config.d/* may find one; to OpenSSH it is an empty file
                        yield from _lines(Path(name), folder, block, depth + 1)
            else:
                yield Line(block, keyword, tuple(words))
        except BadConfiguration:
            raise  # of an included file
        except ValueError as error:
            raise BadConfiguration(
                f"{path} line {number}: {error}", hint="`ssh -G host` shows where OpenSSH stumbles"
            ) from error


_WORD = re.compile(
    r"""(?: (?P<plain> [^\ \t\\"'] | \\ (?! ['"\\ ] ) )       # a backslash before anything else is one
          | \\ (?P<escaped> ['"\\ ] )
          | (?P<quote> ["'] ) (?P<quoted> (?: \\ ['"\\] | (?! (?P=quote) | \\ ['"\\] ) . )* ) (?P=quote) )""",
    re.VERBOSE,
)


def _split(rest: str) -> list[str]:
    """As ``argv_split`` of OpenSSH: words may be quoted in part, and a ``#`` at a word's beginning ends the line."""
    words: list[str] = []
    at = 0
    while (at := len(rest) - len(rest[at:].lstrip(" \t"))) < len(rest) and rest[at] != "#":
        word = ""
        while at < len(rest) and rest[at] not in " \t":
            found = _WORD.match(rest, at)
            if found is None:
                raise ValueError("a quotation that does not end")
            word += found["plain"] or found["escaped"] or re.sub(r"\\(['\"\\])", r"\1", found["quoted"] or "")
            at = found.end()
        words.append(word)
    return words


def _criteria(words: Sequence[str]) -> Iterator[Criterion]:
    left = list(words)
    if not left:
        raise ValueError("Match without a criterion")
    while left:
        kind, equals, argument = left.pop(0).partition("=")
        negated = kind.startswith("!")
        kind = kind.removeprefix("!").lower()
        if kind in _WITHOUT_ARGUMENT:
            yield Criterion(kind, negated=negated)
        elif kind in _WITH_ARGUMENT or kind in _NOT_SUPPORTED:
            if not equals and not left:
                raise ValueError(f"Match {kind} without a value")
            yield Criterion(kind, argument if equals else left.pop(0), negated)
        else:
            raise ValueError(f"Match knows no {kind!r}")


def look_up(lines: Sequence[Line], host: str, user: str | None = None) -> Settings:
    """What the lines say about a host; of several values the first counts.

    Args:
        lines: of all files, in their order.
        host: as the user named it.
        user: whom the user named, if anyone.

    Raises:
        BadConfiguration: a criterion cannot be judged.

    Threads: any thread. ``Match exec`` runs programs, and ``CanonicalizeHostname`` asks the resolver.
    """
    target = _Target(host, host, {"user": [user]} if user else {})
    _go_through(lines, target)
    canonical = _canonical(target)
    if canonical or target.asks_again:
        target.host = canonical or target.hostname
        target.settings["hostname"] = [target.host.replace("%", "%%")]
        target.final, target.canonical = True, canonical is not None
        _go_through(lines, target)
    target.settings["hostname"] = [target.hostname.lower()]
    return target.settings


def _go_through(lines: Sequence[Line], target: _Target) -> None:
    settings = target.settings
    target.met.clear()
    for line in lines:
        if not _is_in(line.block, target) or not line.keyword:
            continue
        if line.keyword in _COLLECTED:
            known = settings.setdefault(line.keyword, [])
            known += [word for word in line.words[:1] if word not in known]
        elif line.keyword not in settings:
            settings[line.keyword] = list(line.words)
            # Whichever comes first keeps the other from being taken, but for "ProxyJump none".
            if line.keyword == "proxyjump" and line.words[0].lower() != "none":
                settings.setdefault("proxycommand", ["none"])
            elif line.keyword == "proxycommand":
                settings.setdefault("proxyjump", ["none"])


def _is_in(block: Block, target: _Target) -> bool:
    known = target.met.get(block)
    if known is None:
        known = block.outer is None or _is_in(block.outer, target)
        if known and any(criterion.kind in ("final", "canonical") for criterion in block.criteria):
            target.asks_again = True
        known = target.met[block] = known and all(_meets(criterion, target) for criterion in block.criteria)
    return known


def _meets(criterion: Criterion, target: _Target) -> bool:
    kind, argument = criterion.kind, criterion.argument
    if kind == "host line":
        return _listed(argument.split(" "), target.host)
    if kind in _NOT_SUPPORTED:
        raise BadConfiguration(f"ssh_config: Match {kind} is not supported", host=target.original)
    if kind == "all":
        met = True
    elif kind == "final":
        met = target.final
    elif kind == "canonical":
        met = target.canonical
    elif kind == "host":
        met = _listed(argument.lower().split(","), target.hostname.lower())
    elif kind == "originalhost":
        met = _listed(argument.lower().split(","), target.original.lower())
    elif kind == "user":
        met = _listed(argument.split(","), target.user)
    elif kind == "localuser":
        met = _listed(argument.split(","), getpass.getuser())
    elif kind == "tagged":
        met = _listed(argument.split(","), target.settings.get("tag", [""])[0])
    else:
        met = _succeeds(expand(argument, tokens(target.original, target.settings, target.hostname)), target)
    return met is not criterion.negated


def _succeeds(command: str, target: _Target) -> bool:
    try:
        done = subprocess.run(
            [os.environ.get("SHELL") or "/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_EXEC_LIMIT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BadConfiguration(f"ssh_config: Match exec: {error}", host=target.original) from error
    if done.returncode < 0:
        raise BadConfiguration(f"ssh_config: Match exec: killed by signal {-done.returncode}", host=target.original)
    return done.returncode == 0


def _listed(patterns: Iterable[str], text: str) -> bool:
    met = False
    for pattern in patterns:
        negated = pattern.startswith("!")
        # Only * and ? are wild.
        if fnmatch.fnmatchcase(text, pattern.removeprefix("!").replace("[", "[[]")):
            if negated:
                return False
            met = True
    return met


def _canonical(target: _Target) -> str | None:
    settings = target.settings
    wanted = settings.get("canonicalizehostname", ["no"])[0].lower()
    proxied = any(settings.get(name, ["none"])[0].lower() != "none" for name in ("proxycommand", "proxyjump"))
    if wanted not in ("yes", "always", "true") or (proxied and wanted != "always"):
        return None
    name = target.hostname
    if name.count(".") <= int(settings.get("canonicalizemaxdots", ["1"])[0]) and not name.endswith("."):
        for domain in settings.get("canonicaldomains", []):
            try:
                socket.getaddrinfo(f"{name}.{domain}", None)
                return f"{name}.{domain}".lower()
            except OSError:
                continue
        if settings.get("canonicalizefallbacklocal", ["yes"])[0].lower() == "no":
            raise BadConfiguration(f"ssh_config: {name} has no canonical name", host=target.original)
    return name.lower()


def tokens(original: str, settings: Settings, hostname: str) -> dict[str, str]:
    """What the percent signs of ssh_config(5) stand for, but for those of ``%h`` in HostName.

    Threads: any thread. It may ask the resolver for this machine's name.
    """
    local = getpass.getuser()
    user = settings.get("user", [""])[0] or local
    port = settings.get("port", ["22"])[0]
    this = socket.gethostname()
    jump = settings.get("proxyjump", ["none"])[0]
    jump = "" if jump.lower() == "none" else jump
    return {
        "C": hashlib.sha1(f"{this}{hostname}{port}{user}{jump}".encode()).hexdigest(),
        "d": os.path.expanduser("~"),
        "h": hostname,
        "i": str(os.getuid()) if hasattr(os, "getuid") else "",
        "j": jump,
        "k": settings.get("hostkeyalias", [original])[0],
        "L": this.partition(".")[0],
        "l": this,
        "n": original,
        "p": port,
        "r": user,
        "u": local,
    }


def expand(text: str, meanings: dict[str, str]) -> str:
    """Puts values in place of ``%x`` and ``%%``.

    Raises:
        BadConfiguration: a token has no meaning here.

    Threads: any thread; it does not block.
    """

    def meaning(found: re.Match[str]) -> str:
        if found[1] == "%":
            return "%"
        if found[1] not in meanings:
            raise BadConfiguration(f"ssh_config: %{found[1]} means nothing in {text!r}")
        return meanings[found[1]]

    return re.sub(r"%(.?)", meaning, text)


def expand_path(text: str, meanings: dict[str, str]) -> str:
    """A file name of a configuration: percent signs, ``${VARIABLES}`` and the tilde have their meaning.

    Raises:
        BadConfiguration: a token or a variable has no value.

    Threads: any thread; it does not block.
    """

    def variable(found: re.Match[str]) -> str:
        value = os.environ.get(found[1])
        if value is None:
            raise BadConfiguration(f"ssh_config: {text!r}: the variable {found[1]} is not set")
        return value

    return os.path.expanduser(re.sub(r"\$\{([^}]*)\}", variable, expand(text, meanings)))


def seconds(text: str) -> float:
    """A time as in sshd_config(5): ``90``, ``1m30s``, ``2h``.

    Raises:
        ValueError: it is none.

    Threads: any thread; it does not block.
    """
    parts = re.findall(r"(\d+)([smhdwSMHDW]?)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"not a time: {text!r}")
    units = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
    return float(sum(int(number) * units[unit.lower()] for number, unit in parts))
