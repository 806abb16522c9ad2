"""Threads that only look: whatever they do from here on, they can wake nobody who waits.

A heartbeat, a progress display, a watcher that prints what is late: while one of these goes on, not every thread waits,
and yet nobody is left to end the others' waits. That this is so needs all that the thread may ever call: the functions
on its stack, what these name, and so on. Whatever is not understood there might wake somebody.

Threads: one thread; reads the files that stacks name, and what they import.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Sequence
from types import UnionType

from paramedic.lint.imported import with_imported
from paramedic.lint.passages import Def, File, Place, Places, With, name_of
from paramedic.model.finding import Site

_WAKES = frozenset(
    "notify notify_all notifyAll set put put_nowait release task_done set_result set_exception cancel submit start map "
    "shutdown abort kill terminate interrupt_main raise_signal _exit exit quit exec eval call_soon_threadsafe "
    "run_coroutine_threadsafe add_done_callback throw setattr getattr __import__ import_module".split()
)
"""What wakes somebody, starts what might, ends the process, or calls what no name tells."""
_HANDS_ON = frozenset("create_task ensure_future call_soon call_later call_at run_in_executor to_thread".split())
"""What has others do something in a while, who may wake somebody."""
_KNOWN = frozenset(dir(builtins))
_BUILTINS = frozenset(("set", "map"))
_BEGINS = frozenset(("__init__", "__post_init__"))
_HOOKS = frozenset("emit handle filter format write flush".split())
"""What logging and print() call."""
_TRANSFERS = frozenset("get put getfo putfo".split())
_PLAIN = frozenset("property cached_property staticmethod classmethod override contextmanager".split())
_MOST_FUNCTIONS = 300
_DEEPEST = 10
"""So many frames the recorder keeps: of more, the outermost ones are not known."""


class Bystanders:
    """Reads each file once.

    Threads: one thread; reads the files that stacks name, and what they import.
    """

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._places = Places()

    def only_looks(self, stack: Sequence[Site]) -> bool:
        """Whether a thread of the program's can wake nobody any more.

        Args:
            stack: all of the thread's, innermost first.
        """
        places = self._known(stack)
        files, whole = self._program(places)
        if not whole or not any(_is_target(file, places[-1]) for file in files):
            return False
        return _wake_nobody(places, _Program(files))

    def only_ticks(self, stack: Sequence[Site]) -> bool:
        """Whether a task of an event loop's, which sleeps there, can wake nobody any more, nor by its own end.

        Args:
            stack: of all the coroutines in which it is, innermost first.
        """
        places = self._known(stack)
        if not places or not _is_endless(places[-1]):
            return False
        files, whole = self._program(places)
        return whole and _wake_nobody(places, _Program(files, _HANDS_ON, With | ast.AsyncFor | ast.Raise))

    def _known(self, stack: Sequence[Site]) -> list[Place]:
        """Where all of a stack is; nothing if that is not known."""
        places = self._places.places(stack, "")
        return places if len(places) == len(stack) < _DEEPEST else []

    def _program(self, places: Sequence[Place]) -> tuple[list[File], bool]:
        """The files of the program, and whether that is all of them."""
        files, whole = with_imported([place.file for place in places], self._places.file)
        return files, whole and bool(places)


def _wake_nobody(places: Sequence[Place], program: _Program) -> bool:
    """Whether all that may be called from here on is understood, and wakes nobody."""
    pending = [(place.file, place.function) for place in places] + program.implied()
    seen: set[int] = set()
    for file, node in pending:  # it grows
        if id(node) in seen:
            continue
        seen.add(id(node))
        if len(seen) > _MOST_FUNCTIONS or isinstance(node, ast.Module) or not program.understands(file, node):
            return False
        pending += program.named(node)
    return True


def _is_endless(place: Place) -> bool:
    """Whether a coroutine goes round for ever: in ``while True``, or ``while`` what only others change."""
    loops = [loop for loop in place.loops() if isinstance(loop, ast.While)]
    if not loops or not isinstance(place.function, ast.AsyncFunctionDef):
        return False
    within = place.file.own(place.function)
    if any(isinstance(node, ast.Return) for node in within):
        return False
    loop = loops[-1]
    assert isinstance(loop, ast.While)
    if any(isinstance(node, ast.Break) for node in ast.walk(loop)):
        return False
    changed = {name_of(n) for n in within if isinstance(n, ast.Name | ast.Attribute) and isinstance(n.ctx, ast.Store)}
    parts = list(ast.walk(loop.test))
    asked = {name_of(n) for n in parts if isinstance(n, ast.Name | ast.Attribute)}
    calls = [n for n in parts if isinstance(n, ast.Call)]
    return not asked & changed and all(name_of(call.func) == "is_set" for call in calls)


class _Program:
    """The files of a program, by what they define and by what they keep in attributes."""

    def __init__(
        self, files: Sequence[File], wakes: frozenset[str] = frozenset(), opaque: type | UnionType = ast.Interactive
    ) -> None:
        self._files, self._wakes, self._opaque = files, _WAKES | wakes, opaque
        self._defined = {name for file in files for name in (*file.functions, *file.classes)}
        self._stored: set[str] = set()
        for node in (node for file in files for node in ast.walk(file.tree)):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                self._stored.add(node.attr)
            elif isinstance(node, ast.AnnAssign):
                self._stored.add(name_of(node.target))

    def implied(self) -> list[tuple[File, ast.AST]]:
        """What may be called without being named."""
        return [(f, n) for f in self._files for name, defs in f.functions.items() if _is_implied(name) for n in defs]

    def named(self, function: ast.AST) -> Iterator[tuple[File, ast.AST]]:
        """The functions that a function names, whatever it does with them."""
        nodes = [node for node in ast.walk(function) if isinstance(node, ast.Name | ast.Attribute)]
        own = _variables(function)
        for name in {name_of(n) for n in nodes if isinstance(n, ast.Attribute) or n.id not in own}:
            for file in self._files if name in self._defined else ():
                yield from ((file, found) for found in file.functions.get(name, ()))
                for made in file.classes.get(name, ()):
                    yield from ((file, n) for n in made.body if isinstance(n, Def) and n.name in _BEGINS)

    def understands(self, file: File, function: ast.AST) -> bool:
        """Whether everything that a function calls by itself has a name that tells what it is, and wakes nobody."""
        nodes = list(ast.walk(function))
        if any(isinstance(node, self._opaque) for node in nodes):
            return False
        own = _variables(function)
        if isinstance(function, Def) and any(name_of(d) not in _PLAIN for d in function.decorator_list):
            return False
        if any(isinstance(node, ast.Attribute) and node.attr in self._wakes for node in nodes):
            return False
        if any(isinstance(node, ast.Name) and node.id in self._wakes - _BUILTINS for node in nodes):
            return False
        calls = [node for node in nodes if isinstance(node, ast.Call)]
        return all(self._is_known(file, call.func, own) and not _has_callback(call) for call in calls)

    def _is_known(self, file: File, called: ast.expr, own: set[str]) -> bool:
        if isinstance(called, ast.Attribute):
            return called.attr not in self._stored  # a function of anybody's may be kept there
        if not isinstance(called, ast.Name) or called.id in own:
            return False
        known = _KNOWN, file.imported, file.functions, file.classes
        return any(called.id in names for names in known)


def _is_implied(name: str) -> bool:
    """Whether a method may be called without being named."""
    return name in _HOOKS or name.startswith("__") and name.endswith("__") and name not in _BEGINS


def _is_target(file: File, place: Place) -> bool:
    """Whether a thread begins with this function: what calls it otherwise might go on to call something else."""
    function = place.function
    name = getattr(function, "name", "")
    made = place.file.class_of(function)
    if name == "run" and made is not None:
        return any(name_of(base).endswith("Thread") for base in made.bases)
    return any(
        isinstance(keyword.value, ast.Name | ast.Attribute) and name_of(keyword.value) == name
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Call) and name_of(node.func).endswith("Thread")
        for keyword in node.keywords
        if keyword.arg == "target"
    )


def _has_callback(call: ast.Call) -> bool:
    """Whether a transfer tells somebody how far it is."""
    named = any(keyword.arg in (None, "callback") for keyword in call.keywords)
    return name_of(call.func) in _TRANSFERS and (named or len(call.args) > 2)


def _variables(function: ast.AST) -> set[str]:
    own = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return own | {n.arg for n in ast.walk(function) if isinstance(n, ast.arg)}
