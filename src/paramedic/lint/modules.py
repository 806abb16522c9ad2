"""The modules of the trees that are read: found by name, parsed when they are first wanted."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from paramedic.lint.scope import Scope
from paramedic.lint.source import MAXIMUM_BYTES, SourceFile, UnreadableSource, read_source

_REGISTERS = re.compile(
    rb"(?:\] = |\.append\(|\.add\()(?:f|fn|func|function|cls|klass|callback|handler|method|target|task|job|command)\b"
)
"""What keeps functions or classes of others, for somebody to call."""


@dataclass(eq=False)
class Module:
    """One module.

    Attributes:
        name: dotted name as the tree's own imports spell it.
        is_package: whether it is an ``__init__.py``.
        scope: its globals, once its body was read.
        stars: the modules of which it imports everything, once somebody asked.
        state: ``new``, ``running`` (an import cycle sees it half done) or ``done``.
    """

    name: str
    source: SourceFile
    is_package: bool
    scope: Scope = field(default_factory=Scope)
    state: str = "new"
    stars: tuple[str, ...] | None = None

    @cached_property
    def knows_paramiko(self) -> bool:
        """Whether the source speaks of Paramiko or a wrapper: only then do methods' names tell what an object is.

        Threads: the reader's own; does not block.
        """
        from paramedic.lint.tree import MARKERS

        text = self.source.text
        return any(marker.decode() in text for marker in MARKERS)

    @cached_property
    def lines(self) -> list[str]:
        """The source's lines.

        Threads: the reader's own; does not block.
        """
        return self.source.text.split("\n")

    @property
    def tree(self) -> ast.Module:
        """The parsed source.

        Threads: the reader's own; does not block.
        """
        return self.source.tree

    def absolute(self, level: int, name: str | None) -> str:
        """The dotted name that a relative import means here.

        Threads: the reader's own; does not block.
        """
        if level == 0:
            return name or ""
        parts = self.name.split(".")
        keep = len(parts) - level + (1 if self.is_package else 0)
        base = parts[: max(keep, 0)]
        return ".".join([*base, *([name] if name else [])])


FEW = 40
"""In a tree of so few files, all of them are asked what they import, and what one imports is followed."""


class ModuleIndex:
    """Which file is which module, for all files of the trees that are read.

    A file has a name under every root from which it may be imported: the highest folder of its package's parent, and
    its own folder (scripts import their neighbours by bare names).
    """

    def __init__(self, files: dict[Path, None] | list[Path]) -> None:
        self.is_small = len(files) <= FEW
        self._by_name: dict[str, list[Path]] = {}
        self.unreadable: dict[Path, UnreadableSource] = {}
        self._adding: dict[Path, bool] = {}
        self.imported: frozenset[Path] = frozenset()
        self._sources: dict[Path, SourceFile | None] = {}
        # Text, not paths: this runs once for every file of the tree, of which few matter.
        split = [(path, *os.path.split(path)) for path in files]
        packages = {folder for _, folder, name in split if name == "__init__.py"}
        self._conftests = {folder: path for path, folder, name in split if name == "conftest.py"}
        prefixes: dict[str, str] = {}
        for path, folder, file_name in split:
            prefix = prefixes.get(folder)
            if prefix is None:
                prefix = prefixes[folder] = self._package_of(folder, packages)
            stem = file_name.rpartition(".")[0] or file_name
            if stem == "__init__":
                if prefix:
                    self._by_name.setdefault(prefix, []).append(path)
                continue
            self._by_name.setdefault(f"{prefix}.{stem}" if prefix else stem, []).append(path)
            if prefix:
                self._by_name.setdefault(stem, []).append(path)
        self._names: dict[Path, str] = {}

    @staticmethod
    def _package_of(folder: str, packages: set[str]) -> str:
        parts: list[str] = []
        while folder in packages:
            above, name = os.path.split(folder)
            if name in ("", os.curdir, os.pardir):  # we are in it: what it is called stands above all that was read
                return ".".join((os.path.basename(os.path.abspath(folder)), *parts))
            folder = above
            parts.insert(0, name)
        return ".".join(parts)

    def _all_names(self) -> dict[Path, str]:
        if not self._names:
            for name, paths in self._by_name.items():
                for path in paths:
                    if len(name) > len(self._names.get(path, "")):
                        self._names[path] = name
        return self._names

    def name_of(self, path: Path) -> str:
        """The dotted name of a file.

        Threads: the reader's own; does not block.
        """
        return self._all_names().get(path, path.stem)

    def find(self, name: str, near: Path) -> Path | None:
        """The file of a dotted name, preferring the one nearest to the importer.

        Threads: the reader's own; does not block.
        """
        paths = self._by_name.get(name)
        if not paths:
            return None
        if len(paths) == 1 and "." in name:
            return paths[0]
        same = [
            p for p in paths if p.parent == near.parent or (p.stem == "__init__" and p.parent.parent == near.parent)
        ]
        if same:
            return same[0]
        if "." not in name:
            return paths[0] if len(paths) == 1 and _plausible(paths[0], near, self._all_names()) else None
        return paths[0]

    def conftests_above(self, path: Path) -> list[Path]:
        """The conftest.py files whose fixtures the tests of a file may ask for, nearest first.

        Threads: the reader's own; does not block.
        """
        if not self._conftests:
            return []
        folder, found = os.path.dirname(path), []
        while True:
            if folder in self._conftests:
                found.append(self._conftests[folder])
            above = os.path.dirname(folder)
            if above == folder:
                return found
            folder = above

    def adds_something(self, path: Path) -> bool:
        """Whether a file that does not matter by itself may do something with what one that does passes it.

        Threads: the reader's own; does not block.
        """
        from paramedic.lint.tree import WORDS

        known = self._adding.get(path)
        if known is None:
            try:
                data = path.read_bytes()
            except OSError:
                data = b""
            known = len(data) < MAXIMUM_BYTES and (
                any(word in data for word in WORDS) or _REGISTERS.search(data) is not None
            )
            self._adding[path] = known
        return known

    def forget(self, paths: Iterable[Path]) -> None:
        """Lets go of the syntax trees of files; who wants one again reads it again.

        Threads: the reader's own; does not block.
        """
        for path in paths:
            self._sources.pop(path, None)

    def source(self, path: Path) -> SourceFile | None:
        """The parsed file; None where it cannot be read as Python.

        Threads: the reader's own; does not block.
        """
        if path not in self._sources:
            try:
                self._sources[path] = read_source(path)
            except UnreadableSource as error:
                self._sources[path] = None
                self.unreadable[path] = error
        return self._sources[path]


def _plausible(found: Path, near: Path, names: dict[Path, str]) -> bool:
    """Whether a bare name may mean a file elsewhere: a top-level module or package of the tree."""
    return "." not in names.get(found, ".") and found != near
