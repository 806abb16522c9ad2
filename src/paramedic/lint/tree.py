"""Which files of a tree matter: found by walking it, passed over by a byte search before anything is parsed."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from paramedic.lint import api
from paramedic.lint.modules import ModuleIndex
from paramedic.lint.shares import in_processes
from paramedic.lint.source import UnreadableSource, read_source

SUFFIXES = (".py", ".ipynb")
PASSED_OVER = frozenset(
    """.git .hg .svn .tox .nox .venv venv node_modules __pycache__ .mypy_cache .ruff_cache .pytest_cache .eggs
    .ipynb_checkpoints .hypothesis""".split()
)
"""Folders that are never anybody's own source."""

MARKERS = (
    b"paramiko",
    b"netmiko",
    b"sshtunnel",
    b"pysftp",
    b"import fabric",
    b"from fabric",
    b"from scp import",
    b"import scp",
    b"SSHHook",
    b"get_transport(",
)
"""A file without any of these does nothing with Paramiko, unless it imports one that does."""

_HINTS = (b"miko", b"fabric", b"pysftp", b"sshtunnel", b"scp", b"SSHHook", b"get_transport(")
"""Fewer and shorter than the markers: a file without any of these has none of those either."""

DEEDS = (
    *(b"SSHClient", b"exec_command", b"Pool(", b"Channel", b"Group(", b"xecutor", b"SFTP", b"Thread", b"Transport"),
    *(b"Policy", b"recv_", b" Connection(", b".Connection(", b"submit(", b"patch_", b"ProxyCommand", b"open_session"),
    *(b"invoke_shell", b"open_sftp", b"ConnectHandler", b"SCPClient", b"Tunnel", b"open_tunnel", b".recv(", b".send("),
    *(b".sendall(", b"Agent(", b"HostKeys", b"to_file", b"SSHHook", b"to_thread", b"Lock("),
)
"""A file with a marker and none of these only speaks of Paramiko, or hands on what others do.

Those come first that are found in most files: each word that is looked for in vain costs a pass over the file."""

WORDS = (
    *(b"exec_command", b"sftp", b"Thread", b"threading", b"submit(", b"to_thread", b".connect(", b"Lock(", b"channel"),
    *(b"Process(", b"async def", b"Pool", b"signal."),
)
"""A file without any of these adds nothing to what one that matters does."""

_IMPORT = re.compile(
    rb"[ \t]*(?:from[ \t]+(?P<base>[.\w]+)[ \t]+import[ \t]+(?P<names>\([^)]*\)|[^\n#;]+)"
    rb"|import[ \t]+(?P<plain>[\w., \t]+))",
    re.MULTILINE,
)


def _import_statements(data: bytes) -> Iterator[re.Match[bytes]]:
    """The imports of a file, found by the word: a pattern that is tried at every line takes five times as long."""
    at, seen = data.find(b"import"), -1
    while at >= 0:
        start = data.rfind(b"\n", 0, at) + 1
        match = _IMPORT.match(data, start) if start > seen else None
        if match is not None:
            seen = match.end() - 1
            yield match
        at = data.find(b"import", max(seen, at + 6))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """A file or folder that was not linted, and why."""

    path: Path
    reason: str
    detail: str
    line: int = 0


@dataclass(slots=True, kw_only=True)
class Tree:
    """What is to be read.

    Attributes:
        files: every Python file and notebook that was found.
        matter: the files that use Paramiko, or import one that does: each is read as a program's start.
        imported: the files that others of those import.
        groups: the files that matter, in groups of which no file imports one of another group.
        unseen: what could not be looked at.
    """

    files: list[Path]
    matter: list[Path]
    imported: frozenset[Path]
    groups: list[tuple[Path, ...]] = field(default_factory=list)
    unseen: list[Unseen] = field(default_factory=list)
    index: ModuleIndex = field(default_factory=lambda: ModuleIndex([]))


def find_files(paths: Iterable[Path], exclude: Sequence[str], unseen: list[Unseen]) -> list[Path]:
    """The Python files under these paths, each once, sorted by folder; links to folders are not followed.

    Args:
        paths: files are taken whatever their suffix; folders are walked.
        exclude: patterns of names or of paths below the given folder.
        unseen: gets what cannot be read.

    Threads: any; reads folders.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            for file in _walk(path, exclude, unseen):
                found[file] = None
        else:
            found[path] = None
    return list(found)


def _walk(top: Path, exclude: Sequence[str], unseen: list[Unseen]) -> Iterator[Path]:
    waiting = [str(top)]
    prefix = len(str(top)) + 1
    while waiting:
        folder = waiting.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda e: e.name)
        except OSError as error:
            unseen.append(Unseen(path=Path(folder), reason="unreadable", detail=error.strerror or str(error)))
            continue
        for entry in entries:
            if exclude and _excluded(entry.path[prefix:], entry.name, exclude):
                continue
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in PASSED_OVER:
                    waiting.append(entry.path)
            elif not entry.name.endswith(SUFFIXES):
                continue
            elif entry.is_file(follow_symlinks=False) or _is_new_file(entry, top):
                yield Path(entry.path)
            elif not os.path.exists(entry.path):
                unseen.append(Unseen(path=Path(entry.path), reason="unreadable", detail="a link that leads nowhere"))
            elif not (entry.is_file() or entry.is_dir()):  # a pipe: who opens it waits for somebody to write
                unseen.append(Unseen(path=Path(entry.path), reason="unreadable", detail="no regular file"))


def _is_new_file(entry: os.DirEntry[str], top: Path) -> bool:
    """A link to a file counts where the file itself is not in the tree, and is there at all."""
    try:
        return entry.is_file() and not Path(entry.path).resolve().is_relative_to(top.resolve())
    except (OSError, RuntimeError):
        return False


def _excluded(path: str, name: str, patterns: Sequence[str]) -> bool:
    posix = path.replace(os.sep, "/")
    return any(
        fnmatchcase(name, p) or fnmatchcase(posix, p.rstrip("/")) or fnmatchcase(posix, p.rstrip("/") + "/*")
        for p in patterns
    )


def read_tree(
    files: list[Path],
    unseen: list[Unseen],
    *,
    recall: Callable[[Path], str | None] = lambda path: None,
    note: Callable[[Path, str], None] = lambda path, flags: None,
    jobs: int = 1,
) -> Tree:
    """Decides which of the files matter.

    Args:
        files: from `find_files`.
        unseen: gets what cannot be read.
        recall: what an earlier run noted about a file that has not changed since.
        note: takes what is found now.
        jobs: processes that may help, where there are many files.

    Threads: any; reads files, may start processes and waits for them.
    """
    known = {path: recall(path) for path in files}
    waiting = [path for path in files if known[path] is None]
    for path, flags, trouble in _search(waiting, jobs):
        if trouble:
            unseen.append(Unseen(path=path, reason="unreadable", detail=trouble))
        else:
            known[path] = flags
            broken = list(_broken(path)) if flags[0] in "lt" else []
            unseen.extend(broken)
            if not broken:  # what is broken is told each time
                note(path, flags)
    marked: list[Path] = []
    linking: list[Path] = []
    worded: list[Path] = []
    silent: list[Path] = []
    for path in files:
        flags = known[path] or ""
        if "m" in flags:
            marked.append(path)
        if "l" in flags or "t" in flags:
            linking.append(path)
        if "t" in flags or "w" in flags:
            worded.append(path)
        elif flags in {"-", "l"}:
            silent.append(path)
    if not marked:
        return Tree(files=files, matter=[], imported=frozenset(), unseen=unseen)
    index = ModuleIndex(files)
    if index.is_small:
        worded += silent  # one that only calls what it imports may stand between two that do something
    importers, imports = _importers(index, marked, worded, linking)
    matter = [*marked, *importers]
    index.imported = frozenset(target for path in {*matter, *linking} for target in imports.get(path, ()))
    groups = _groups(matter, imports)
    return Tree(files=files, matter=matter, imported=index.imported, groups=groups, unseen=unseen, index=index)


SMALL_BYTES = 8_000


def _broken(path: Path) -> Iterator[Unseen]:
    """Why a small file that speaks of Paramiko, and does nothing with it as far as its words tell, is no Python."""
    try:
        if path.stat().st_size > SMALL_BYTES:
            return
        read_source(path)
    except UnreadableSource as error:
        yield Unseen(path=path, reason=error.reason, detail=str(error), line=error.line)
    except OSError:
        return


FEWEST_FOR_PROCESSES = 1500
"""With fewer files to search, a process costs more than it saves."""


def _search(paths: list[Path], jobs: int) -> Iterator[tuple[Path, str, str]]:
    """The flags of each file, or why it cannot be read."""
    if len(paths) < FEWEST_FOR_PROCESSES:
        jobs = 1
    for path, (flags, trouble) in in_processes(_search_one, paths, jobs, lambda path: 1):
        yield path, flags, trouble


_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def _search_one(path: Path) -> tuple[str, str]:
    try:
        with open(path, "rb", buffering=0) as file:
            data = file.read()
            return ("", "UTF-16, which Python does not read") if data.startswith(_UTF16) else (_flags(data), "")
    except OSError as error:
        return "", error.strerror or str(error)


def _flags(data: bytes) -> str:
    marked = any(hint in data for hint in _HINTS) and any(marker in data for marker in MARKERS)
    acts = marked and any(deed in data for deed in DEEDS)
    direct = acts and (_TELLING.search(data) is not None or _makes(data))
    found = ("m" if direct else "t" if acts else "l") if marked else ""
    if found == "m":
        return found  # whatever else it does
    return found + ("w" if any(word in data for word in _ACTS) else "") or "-"


def _makes(data: bytes) -> bool:
    """Whether a file makes something of Paramiko's or a wrapper's, or says that it gets such a thing.

    One that only catches Paramiko's exceptions, or puts mocks where its classes are, does not.
    """
    if data[:1] == b"{" or any(word in data for word in (b"import_module(", b"__import__(")):
        return True  # a notebook, or modules by names that the source may not show
    if _RENAMED.search(data) is not None or any(_WRAPPED.search(m[0]) for m in _import_statements(data)):
        return True
    for found in _MADE.finditer(data):
        before = data[max(found.start() - 3, 0) : found.start()]
        if not before.endswith((b'"', b"'")) or before[:1] in b":>[":
            return True  # not in the text that mock.patch() is given, but maybe in an annotation
    return False


_WRAPPED = re.compile(rb"\b(?:netmiko|fabric2?|scp|pysftp|sshtunnel|SSHHook|SFTPHook)\b")
"""In an import: one of a wrapper."""

_CLASSES = b"|".join(
    [*sorted({path.rsplit(".", 1)[-1].encode() for path in (*api.CONSTRUCTORS, *api.MAKERS)}), b"ServerInterface"]
)
_MADE = re.compile(rb"paramiko(?:\.[a-z_]+)*\.(?:" + _CLASSES + rb")\b")
"""A class or maker of Paramiko's, spelled out."""
_RENAMED = re.compile(
    rb"paramiko(?:[.\w]*[ \t]+as\b|[.\w]*[ \t]+import[ \t]+(?:\([^)]*?|[^\n#]*?)(?:\*|\b(?:"
    + _CLASSES
    + rb"|[a-z][a-z_]+)\b))"
)
"""Paramiko, a class or a module of it, by another name: ``import paramiko as``, ``from paramiko import …``."""

_ACTS = (
    *(b".connect(", b"_channel", b"sftp", b"exec_command", b"Pool(", b"threading", b".send", b"Thread", b"patch_"),
    *(b"signal.", b"async def", b".recv(", b"open_session", b".channel", b"invoke_shell", b"Lock(", b"Process("),
    *(b"submit(", b"Timer(", b"to_thread", b"PoolExecutor", b"run_in_executor", b"monkey."),
)
"""A file without any of these does nothing with what it imports from one that acts."""

_TELLING = re.compile(rb"\.(?:" + b"|".join(name.encode() for name in sorted(api.TELLING)) + rb")")
"""Methods by whose names alone a client is known: a file with none of these gets one only from a file it imports."""


def _importers(
    index: ModuleIndex, marked: list[Path], worded: list[Path], linking: list[Path]
) -> tuple[list[Path], dict[Path, set[Path]]]:
    """Files that import one that matters, directly or through one other; and all that is imported by them."""
    acting, speaking = set(marked), {*marked, *linking}
    imports: dict[Path, set[Path]] = {}
    for path in {*marked, *worded}:
        imports[path] = set(_imports_of(index, path))
    added = dict.fromkeys(marked)
    for _ in range(2):
        # One that speaks of Paramiko and makes nothing of its own acts on what one that acts gives it.
        new = [p for p in worded if p not in added and imports[p] & (acting if p in speaking else speaking)]
        acting.update(new)
        speaking.update(new)
        added.update(dict.fromkeys(new))
    return list(added)[len(marked) :], imports


MOST_TOGETHER = 60
"""Files of one group that are read together; a larger group is read in several pieces."""


def _groups(matter: list[Path], imports: dict[Path, set[Path]]) -> list[tuple[Path, ...]]:
    """Files that import one another, or the same third one, are read together: what they share is read once."""
    leader = {path: path for path in {*matter, *(t for path in matter for t in imports.get(path, ()))}}

    def find(path: Path) -> Path:
        while leader[path] != path:
            leader[path] = leader[leader[path]]
            path = leader[path]
        return path

    for path in matter:
        for target in imports.get(path, ()):
            leader[find(path)] = find(target)
    together: dict[Path, list[Path]] = {}
    for path in matter:
        together.setdefault(find(path), []).append(path)
    return [
        tuple(group[start : start + MOST_TOGETHER])
        for group in together.values()
        for start in range(0, len(group), MOST_TOGETHER)
    ]


def _imports_of(index: ModuleIndex, path: Path) -> Iterator[Path]:
    try:
        data = path.read_bytes()
    except OSError:
        return
    if path.name == "conftest.py" or "test" in path.stem:
        yield from (conftest for conftest in index.conftests_above(path) if conftest != path)
    name = index.name_of(path)
    parts = name.split(".")
    is_package = path.stem == "__init__"
    for match in _import_statements(data):
        plain, base = match["plain"], match["base"]
        if plain is not None:
            names = [p.split(b" as ")[0].strip().decode("ascii", "ignore") for p in plain.split(b",")]
        else:
            text = base.decode("ascii", "ignore")
            dots = len(text) - len(text.lstrip("."))
            if dots:
                keep = len(parts) - dots + (1 if is_package else 0)
                text = ".".join([*parts[: max(keep, 0)], *([text[dots:]] if text[dots:] else [])])
            members = re.findall(rb"[A-Za-z_]\w*", match["names"])
            names = [text, *(f"{text}.{m.decode('ascii')}" if text else m.decode("ascii") for m in members)]
        for one in names:
            found = index.find(one, path) if one else None
            if found is not None and found != path:
                yield found
