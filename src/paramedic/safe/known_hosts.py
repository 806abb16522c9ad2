"""Host keys, checked as OpenSSH checks them and looked up in an index that all connections share.

``paramiko.HostKeys`` takes quadratic time to load (10,000 entries: half a minute), is loaded once per client, walks
through all entries at each lookup, and saves by rewriting the file: of 100 hosts that ten threads accept at once, it
keeps about half (paramiko issues 835 and 2251). Here a file is read once, again only when it changed, a new key is
appended under a lock that threads and processes respect, and keys stay text until they are compared.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
import secrets
import stat
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from paramedic.safe.errors import BadConfiguration, ChangedHostKey, HostKeyError, RevokedHostKey, UnknownHostKey
from paramedic.safe.host_certificate import REVOKED, certificate_problem

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

Policy = Literal["strict", "accept-new", "off"]
USER_FILE = "~/.ssh/known_hosts"
SYSTEM_FILE = "/etc/ssh/ssh_known_hosts"
_MEANS_MORE = frozenset("*?!,|#@ ")
"""In a host's name, as known_hosts is read; who has the key of ``*`` is trusted for every host."""
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def host_name(host: str, port: int) -> str:
    """The name under which known_hosts keeps a host: ``host``, or ``[host]:port`` for other ports than 22.

    Threads: any thread; it does not block.
    """
    host = host.lower()
    return host if port == 22 else f"[{host}]:{port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a file, for one host.

    Threads: a value; share it freely.
    """

    marker: str
    """"", "@cert-authority" or "@revoked"."""
    kind: str
    key: str
    """The key in base64."""
    where: str
    """File and line number."""


@dataclass(slots=True)
class _Index:
    """What one state of one file says."""

    path: Path
    stamp: tuple[int, int, int] | None = None
    data: bytes = b""
    lines: int = 0
    plain: dict[str, list[Entry]] = field(default_factory=dict)
    patterns: list[tuple[tuple[str, ...], Entry]] = field(default_factory=list)
    hashed: list[tuple[bytes, bytes, Entry]] = field(default_factory=list)
    found: dict[str, tuple[Entry, ...]] = field(default_factory=dict)

    def grow(self, data: bytes) -> bool:
        """Reads what was appended, so that a thousand new hosts are not a thousand files; False if more has changed.

        Threads: one at a time; it does not block.
        """
        if not data.startswith(self.data) or self.data[-1:] not in (b"", b"\n"):
            return False
        self._load(data[len(self.data) :].decode("utf-8", "replace"))
        self.data = data
        self.found.clear()
        return True

    def _load(self, text: str) -> None:
        numbered = enumerate(text.split("\n"), self.lines + 1)
        self.lines += text.count("\n")
        for number, line in numbered:
            words = line.split(None, 4)
            if not words or words[0].startswith("#"):
                continue
            marker = ""
            if words[0].startswith("@"):
                marker = words.pop(0)
            if len(words) < 3:
                continue
            names, kind, key = words[0], words[1], words[2]
            entry = Entry(marker=marker, kind=kind, key=key, where=f"{self.path}:{number}")
            if names.startswith("|1|"):
                parts = names.split("|")
                with contextlib.suppress(ValueError, IndexError):
                    self.hashed.append((base64.b64decode(parts[2]), base64.b64decode(parts[3]), entry))
            elif "*" in names or "?" in names or "!" in names:
                self.patterns.append((tuple(names.lower().split(",")), entry))
            else:
                for name in names.lower().split(","):
                    self.plain.setdefault(name, []).append(entry)

    def lookup(self, name: str) -> tuple[Entry, ...]:
        known = self.found.get(name)
        if known is None:
            entries = list(self.plain.get(name, ()))
            entries += [entry for names, entry in self.patterns if _matches(name, names)]
            raw = name.encode()
            entries += [entry for salt, digest, entry in self.hashed if hmac.digest(salt, raw, "sha1") == digest]
            known = self.found[name] = tuple(entry for entry in entries if _is_whole(entry))
        return known


def _is_whole(entry: Entry) -> bool:
    """OpenSSH passes over lines whose key is cut off, damaged or of SSH 1: they say nothing of the host."""
    kind = entry.kind.encode()
    try:
        return base64.b64decode(entry.key, validate=True).startswith(len(kind).to_bytes(4, "big") + kind + b"\0")
    except ValueError:
        return False


def _matches(name: str, patterns: Sequence[str]) -> bool:
    matched = False
    for pattern in patterns:
        # fnmatch would take "[web]:2222" for a character class; OpenSSH knows only * and ?.
        escaped = pattern.lstrip("!").replace("[", "[[]")
        if fnmatchcase(name, escaped):
            if pattern.startswith("!"):
                return False
            matched = True
    return matched


class KnownHosts:
    """The keys of known hosts, from files in OpenSSH's format.

    Threads: every method may be called by any number of threads, and :meth:`add` by any number of processes, on the
    same file. Files are read, under a lock, when they changed.
    """

    def __init__(
        self,
        *files: str | os.PathLike[str],
        policy: Policy = "strict",
        hash_names: bool = False,
    ) -> None:
        """Names the files; they are read when the first host is looked up, and need not exist.

        Args:
            files: in the order in which they are asked; keys are added to the first. By default the user's and the
                system's, as OpenSSH has them.
            policy: what to do with a host that is not there: "strict" refuses it; "accept-new" adds it, and refuses
                changed keys all the same; "off" takes any key, and whoever sits in between can read the passwords.
            hash_names: add names hashed (``HashKnownHosts``).

        Raises:
            BadConfiguration: there is no such policy.

        Threads: any thread; it does not block.
        """
        if policy not in ("strict", "accept-new", "off"):
            raise BadConfiguration(f"no such host key policy: {policy!r}", hint="strict, accept-new or off")
        self.policy: Policy = policy
        self._hash_names = hash_names
        self._paths = tuple(Path(file).expanduser() for file in files or (USER_FILE, SYSTEM_FILE))
        self._lock = threading.Lock()
        self._indexes: dict[Path, _Index] = {}

    def __repr__(self) -> str:
        return f"KnownHosts({', '.join(repr(str(path)) for path in self._paths)}, policy={self.policy!r})"

    def lookup(self, host: str, port: int = 22) -> tuple[Entry, ...]:
        """All entries for a host, markers included.

        Raises:
            OSError: a file is there and cannot be read.

        Threads: any thread. It reads files that changed.
        """
        name = host_name(host, port)
        with self._lock:
            return tuple(entry for path in self._paths for entry in self._index(path).lookup(name))

    def key_types(self, host: str, port: int = 22) -> tuple[str, ...]:
        """The types of the keys known for a host, to be asked for first; certificates first if a CA is known.

        Raises:
            OSError: a file is there and cannot be read.

        Threads: any thread. It reads files that changed.
        """
        entries = self.lookup(host, port) or self.lookup(host)
        plain = [entry.kind for entry in entries if not entry.marker]
        authority = any(entry.marker == "@cert-authority" for entry in entries)
        return (*(("cert",) if authority else ()), *dict.fromkeys(plain))

    def verify(self, host: str, port: int, key: Any) -> None:
        """Accepts the key of a server, adding it if the policy says so, or raises.

        Args:
            host: as the user named it.
            port: the TCP port.
            key: the server's ``paramiko.PKey``; its certificate is used if it has one.

        Raises:
            UnknownHostKey: the host is not known, and the policy is "strict".
            ChangedHostKey: the host is known with other keys.
            RevokedHostKey: the key is revoked.
            HostKeyError: the host's certificate is not valid, or the new key could not be saved.
            OSError: a file is there and cannot be read.

        Threads: any thread. It may read and write files.
        """
        if self.policy == "off":
            return
        verdict = self._judge(host, port, key, self.lookup(host, port))
        if isinstance(verdict, UnknownHostKey) and port != 22:
            # As OpenSSH (check_host_key in sshconnect.c): a host that is known keeps its key on other ports.
            if self._judge(host, port, key, self.lookup(host)) is None:
                return
        if verdict is None:
            return
        if not isinstance(verdict, UnknownHostKey) or self.policy != "accept-new":
            raise verdict
        try:
            self.add(host, port, key)
        except OSError as error:
            raise HostKeyError(
                f"the new host key could not be saved: {error}",
                host=host,
                phase="host key",
                hint="may you write there? UserKnownHostsFile can name another file",
            ) from error

    def _judge(self, host: str, port: int, key: Any, entries: Sequence[Entry]) -> HostKeyError | None:
        text = base64.b64encode(key.asbytes()).decode()
        revoked = next((entry for entry in entries if entry.marker == "@revoked" and entry.key == text), None)
        if revoked is not None:
            return RevokedHostKey(f"its key is revoked ({revoked.where})", host=host, phase="host key")
        authorities = [entry.key for entry in entries if entry.marker == "@cert-authority"]
        blob = getattr(key, "public_blob", None)
        problem = None
        if blob is not None:
            revoked_keys = {entry.key for entry in entries if entry.marker == "@revoked"}
            problem = certificate_problem(blob.key_type, blob.key_blob, host, authorities, revoked_keys)
            if problem is None:
                return None
            if problem == REVOKED:
                return RevokedHostKey(problem, host=host, phase="host key")
            if not authorities:
                problem = None
        # As OpenSSH (check_host_key in sshconnect.c): without a certificate that is good for it, a host is what its
        # plain key says it is.
        plain = [entry for entry in entries if not entry.marker]
        if any(entry.key == text for entry in plain):
            return None
        digest = base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")
        which = f"{key.get_name()} SHA256:{digest}"
        hint = "ask who signs the hosts' certificates; `ssh-keygen -L -f FILE` shows what one says" if problem else None
        if plain and problem:
            return HostKeyError(problem, host=host, phase="host key", hint=hint)
        if plain:
            where = ", ".join(entry.where for entry in plain)
            return ChangedHostKey(f"its key is {which}, but {where} says otherwise", host=host, phase="host key")
        unknown = f"its key {which} is not in {self._paths[0]} as {host_name(host, port)}"
        message = f"{problem}, and {unknown}" if problem else unknown
        return UnknownHostKey(message, host=host, phase="host key", hint=hint)

    def add(self, host: str, port: int, key: Any) -> None:
        """Adds a key to the first file, unless it is there; creates the file, readable by its owner alone.

        Raises:
            ChangedHostKey: another thread or process added another key for this host first.
            HostKeyError: the host's name would mean others too, as a pattern or a list.
            OSError: the file cannot be written.

        Threads: any number of threads and processes at once. It blocks while another one writes.
        """
        path = self._paths[0]
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = host_name(host, port)
        if not host.isprintable() or set(host) & _MEANS_MORE:
            hint = "HostKeyAlias gives it another name"
            raise HostKeyError(f"no entry can be named {host!r}", host=host, phase="host key", hint=hint)
        if self._hash_names:
            salt = secrets.token_bytes(20)
            digest = hmac.digest(salt, name.encode(), "sha1")
            name = f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"
        line = f"{name} {key.get_name()} {key.get_base64()}\n".encode()
        with _locked(path) as descriptor:
            # What others added while we waited for the lock counts: the first key wins, as with OpenSSH's accept-new.
            with self._lock:
                entries = self._index(path).lookup(host_name(host, port))
            verdict = self._judge(host, port, key, entries)
            if verdict is None:
                return
            if not isinstance(verdict, UnknownHostKey):
                raise verdict
            size = os.fstat(descriptor).st_size
            if size:
                os.lseek(descriptor, size - 1, os.SEEK_SET)
                if os.read(descriptor, 1) != b"\n":
                    line = b"\n" + line
            # One write in append mode: a reader sees the whole line or nothing of it, and what OpenSSH appends without
            # our lock is not overwritten.
            if os.write(descriptor, line) != len(line):
                raise OSError(f"{path}: could not be written in one piece")

    def _index(self, path: Path) -> _Index:
        # You hold the lock.
        try:
            status = os.stat(path)
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        except OSError:
            stamp = None
        else:
            if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
                if not _is_null(status):  # a FIFO would be waited for, and /dev/zero has no end
                    raise OSError(f"{path} is no regular file, and was not opened")
                stamp = None
        index = self._indexes.get(path)
        if index is None or index.stamp != stamp:
            data = path.read_bytes() if stamp is not None else b""
            if index is None or not index.grow(data):
                index = self._indexes[path] = _Index(path=path)
                index.grow(data)
            index.stamp = stamp
        return index


def _is_null(status: os.stat_result) -> bool:
    """Whether it is /dev/null, by which people say that they have no such file."""
    try:
        return os.path.samestat(status, os.stat(os.devnull))
    except OSError:
        return False


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The file, open for appending, with a lock that other threads and processes respect."""
    while True:
        descriptor = os.open(path, _FLAGS, 0o600)
        try:
            if fcntl is not None:
                fcntl.flock(descriptor, fcntl.LOCK_EX)  # per open file, so threads exclude each other too
            if fcntl is None or _is(descriptor, path):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _is(descriptor: int, path: Path) -> bool:
    """Whether the name still leads to the open file: ``ssh-keygen -R`` puts another in its place, while we wait too."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
