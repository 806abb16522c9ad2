"""Programs in which a thread keeps something for itself, as a worker does the client that its first task has got.

Two tasks that one worker ran are then kept apart by that: another worker has another client. It is enough that a
program does so anywhere: what exactly is kept there, and for whom, no name tells.

Threads: one thread; reads the files that stacks name, and what they import.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from paramedic.lint.imported import with_imported
from paramedic.lint.passages import File, Places
from paramedic.model.finding import Site

_OWN = frozenset("local get_ident current_thread currentThread get_native_id ContextVar current_task".split())
"""What keeps things for a thread, or tells which one it is."""


class Belongings:
    """Reads each file once.

    Threads: one thread; reads the files that stacks name, and what they import.
    """

    def __init__(self, places: Places) -> None:
        """Nothing is read yet.

        Args:
            places: reads files.
        """
        self._places = places
        self._known: dict[frozenset[str], bool] = {}

    def are_kept(self, *stacks: Sequence[Site]) -> bool:
        """Whether the program of these stacks keeps something for a thread."""
        names = frozenset(site.file for stack in stacks for site in stack)
        if names not in self._known:
            files = [file for file in map(self._places.file, names) if file is not None]
            self._known[names] = any(map(_keeps, with_imported(files, self._places.file)[0]))
        return self._known[names]


def _keeps(file: File) -> bool:
    return not _OWN.isdisjoint(_names(ast.walk(file.tree)))


def _names(nodes: Iterable[ast.AST]) -> Iterable[str]:
    for node in nodes:
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name
        elif isinstance(node, ast.keyword) and node.arg == "initializer":
            yield "local"
