"""Whose code leads to the call that ends a wait: ``done.set()`` for ``done.wait()``, ``jobs.get()`` for ``put()``."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from paramedic.dump.activity import Activity
from paramedic.dump.place import Place
from paramedic.dump.source import Module, Sources
from paramedic.dump.syntax import covers, last

_ENDS = {
    "wait": frozenset({"set", "notify", "notify_all", "wait"}),  # a barrier's parties wait for each other
    "wait_for": frozenset({"notify", "notify_all"}),
    "get": frozenset({"put", "put_nowait"}),
    "put": frozenset({"get", "get_nowait"}),
    "join": frozenset({"task_done", "get", "get_nowait"}),
}
"""By the method that waits, those that end its wait."""
_MAX_FUNCTIONS = 200


class Bringers:
    """The threads of a dump, as those that may end the wait of one of them.

    Threads: as `Sources`.
    """

    def __init__(self, sources: Sources, activities: Iterable[Activity]) -> None:
        """Prepares the answers.

        Args:
            sources: the user's source.
            activities: the threads whose files are looked through.
        """
        self._sources = sources
        files = dict.fromkeys(c.site.file for a in activities for c in a.users)
        self._modules = [m for f in files if (m := sources.module(f)) is not None]

    def may_bring(self, activity: Activity, waiting: Place) -> bool:
        """Whether the code of the thread's frames, and what it calls by name, has a call that ends the wait.

        Where nothing in the files does it to an object of that name, a call on one of another name may be it.
        """
        places = [self._sources.place(c.site) for c in activity.users]
        known = [p for p in places if p is not None]
        if len(known) < len(places):
            return True
        wanted = {(on, end) for on, method in _waits(waiting) for end in _ENDS[method]}
        everywhere = {pair for m in self._modules for pair in _references(m.tree)}
        reached = {pair for f in self._reached(p.function for p in known) for pair in _references(f)}
        ends = {end for _, end in wanted} - {"wait"}
        if any(end in ends for _, end in wanted & everywhere):
            return bool(wanted & reached)
        return bool(wanted & reached) or any(end in ends for _, end in reached)

    def _reached(self, functions: Iterable[ast.AST]) -> list[ast.AST]:
        """The functions themselves and what they call, by its bare name, in any of the files."""
        found: dict[ast.AST, None] = {}
        queue = [f for f in functions if not isinstance(f, ast.Module)]
        while queue and len(found) < _MAX_FUNCTIONS:
            function = queue.pop()
            if function in found:
                continue
            found[function] = None
            called = {last(n.func) for n in ast.walk(function) if isinstance(n, ast.Call)}
            queue += [f for m in self._modules for name in called for f in _named(m, name)]
        return list(found)


def _named(module: Module, name: str) -> Iterable[ast.AST]:
    return module.functions.get(name, ())


def _waits(place: Place) -> Iterator[tuple[str, str]]:
    """The waits of the line: (last name of the object, method)."""
    for node in ast.walk(place.function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and covers(node, place.site.line):
            if node.func.attr in _ENDS:
                yield last(node.func.value), node.func.attr


def _references(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """What the code does, or hands on to be done (``Timer(9, done.set)``): (last name of the object, method)."""
    return ((last(n.value), n.attr) for n in ast.walk(tree) if isinstance(n, ast.Attribute))
