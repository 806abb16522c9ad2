"""What a function has surely done before it comes to a line, and what it does after it, in which order.

Threads: one thread; reads files.
"""

from __future__ import annotations

import ast
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from paramedic.model.finding import Site

Def = ast.FunctionDef | ast.AsyncFunctionDef
Loop = ast.While | ast.For | ast.AsyncFor
With = ast.With | ast.AsyncWith
_LEAVES = ast.Raise | ast.Return | ast.Break | ast.Continue
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_IN_ORDER = ast.Call | ast.BinOp | ast.Tuple | ast.List | ast.Compare | ast.BoolOp | ast.keyword | ast.Subscript
"""Whose parts are reckoned one after the other."""
_LARGEST_BYTES = 2_000_000
_ENDS = frozenset(("exit", "_exit", "abort"))


@dataclass(frozen=True, slots=True)
class Passed:
    """Something that has been done before.

    Attributes:
        node: a simple statement, a loop, or the expression of a ``with``.
        inside: whether what it is the expression of is still open: what it takes is held.
        rounds: how many loops it was passed through in each of their rounds: ``for job in jobs: job.wait()``.
        provided: the test that had to hold for it, if there was one.
    """

    node: ast.AST
    inside: bool = False
    rounds: int = 0
    provided: ast.expr | None = None


@dataclass(slots=True, eq=False)
class File:
    """One file.

    Attributes:
        tree: all of it.
        path: where it is.
        functions: functions and methods, by name.
        classes: by name.
        imported: names that come from modules, and from which.
        uses: where a name is loaded, or an attribute of that name.
    """

    tree: ast.Module
    path: str = ""
    functions: dict[str, list[Def]] = field(default_factory=dict)
    classes: dict[str, list[ast.ClassDef]] = field(default_factory=dict)
    imported: dict[str, str] = field(default_factory=dict)
    uses: dict[str, list[ast.Name | ast.Attribute]] = field(default_factory=dict)
    _parents: dict[int, ast.AST] = field(default_factory=dict)
    _own: dict[int, list[ast.AST]] = field(default_factory=dict)
    _variables: dict[int, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Finds its names."""
        for node in ast.walk(self.tree):
            for child in ast.iter_child_nodes(node):
                self._parents[id(child)] = node
            if isinstance(node, Def):
                self.functions.setdefault(node.name, []).append(node)
            elif isinstance(node, ast.ClassDef):
                self.classes.setdefault(node.name, []).append(node)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                for alias in node.names:
                    module = node.module or "" if isinstance(node, ast.ImportFrom) else alias.name
                    self.imported[(alias.asname or alias.name).partition(".")[0]] = module
            elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                self.uses.setdefault(name_of(node), []).append(node)

    def parent(self, node: ast.AST) -> ast.AST | None:
        """What a node is a part of."""
        return self._parents.get(id(node))

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """What a node is a part of, the innermost first."""
        found = self.parent(node)
        while found is not None:
            yield found
            found = self.parent(found)

    def home(self, node: ast.AST) -> Def | ast.Lambda | ast.Module:
        """The function, or the module, that a node belongs to."""
        return next((a for a in self.above(node) if isinstance(a, Def | ast.Lambda)), self.tree)

    def class_of(self, function: ast.AST) -> ast.ClassDef | None:
        """The class whose method a function is, or is a part of."""
        return next((a for a in self.above(function) if isinstance(a, ast.ClassDef)), None)

    def own(self, function: ast.AST) -> list[ast.AST]:
        """What belongs to a function, and not to one that it defines."""
        known = self._own.get(id(function))
        if known is None:
            known = self._own[id(function)] = list(_own(function))
        return known

    def variables(self, function: ast.AST) -> set[str]:
        """The names that are its own."""
        known = self._variables.get(id(function))
        if known is None:
            own = self.own(function)
            known = {node.arg for node in own if isinstance(node, ast.arg)}
            known |= {node.id for node in own if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
            known |= {node.name for node in own if isinstance(node, Def)}
            known -= {name for node in own if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names}
            self._variables[id(function)] = known
        return known

    def is_repeated(self, node: ast.AST) -> bool:
        """Whether a node of a function is in something that is done again and again."""
        once = False  # what a comprehension goes through is made once
        for inner, outer in _pairs((node, *self.above(node))):
            if isinstance(outer, ast.comprehension):
                once = inner is outer.iter
            elif isinstance(outer, Loop) and inner not in _heads(outer):
                return True
            elif isinstance(outer, Comprehension):
                if not (once and inner is outer.generators[0]):
                    return True
            elif isinstance(outer, Def):
                return False
        return False


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A function, or a module's body, and where in it one is.

    Attributes:
        file: where it stands.
        function: it.
        node: the call that is being made there; the statement, where that cannot be told.
    """

    file: File
    function: ast.AST
    node: ast.AST

    @property
    def statement(self) -> ast.AST:
        """The statement that is under way; in a lambda, what it returns."""
        return next((a for a in (self.node, *self.file.above(self.node)) if isinstance(a, ast.stmt)), self.node)

    def passed(self) -> list[Passed]:
        """What was surely done, and has ended, before; the latest first."""
        found: list[Passed] = []
        if isinstance(self.function, ast.Lambda):
            return found
        inner: ast.AST = self.node
        for outer in self.file.above(inner) if inner is not self.statement else ():
            if isinstance(outer, _IN_ORDER):
                children = list(ast.iter_child_nodes(outer))
                found += [Passed(child) for child in reversed(children[: children.index(inner)])]
            inner = outer
            if inner is self.statement:
                break
        inner = self.statement
        for outer in self.file.above(inner):
            if isinstance(outer, With) and inner in outer.body:
                found += [Passed(item.context_expr, inside=True) for item in reversed(outer.items)]
            if isinstance(outer, ast.If) and inner in outer.body:
                found.append(Passed(outer.test, inside=True))
            if isinstance(outer, ast.Try | ast.TryStar) and inner in outer.orelse:
                found += through(reversed(outer.body))
            for block in _blocks(outer):
                if inner in block:
                    found += through(reversed(block[: block.index(inner)]))
            if outer is self.function:
                break
            inner = outer
        return found

    def rest_of_round(self) -> list[Passed]:
        """What is surely done between this place and the next round of its loop."""
        inner: ast.AST = self.statement
        found: list[Passed] = []
        for outer in self.file.above(inner):
            for block in _blocks(outer):
                if inner in block:
                    found[:0] = through(reversed(block[block.index(inner) + 1 :]))
            if isinstance(outer, Loop):
                return [Passed(p.node, p.inside, p.rounds + 1, p.provided) for p in found]
            if outer is self.function:
                break
            inner = outer
        return []

    def around(self) -> Iterator[ast.Call]:
        """The calls that are made with the result of this one, the first of them first."""
        for outer in self.file.above(self.node):
            if outer is self.function or isinstance(outer, ast.stmt):
                return
            if isinstance(outer, ast.Call):
                yield outer

    def after(self) -> list[ast.AST]:
        """What comes later in the function, and what is done with the call's result."""
        found: list[ast.AST] = list(self.around())
        statement = self.statement
        if isinstance(self.function, ast.Lambda):
            return found
        if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
            found.append(statement)
        elif isinstance(statement, Loop | ast.If | With):
            found += [n for each in _blocks(statement) for s in each for n in (s, *_own(s))]
        end = getattr(statement, "end_lineno", 0), getattr(statement, "end_col_offset", 0)
        return found + [n for n in self.file.own(self.function) if hasattr(n, "lineno") and at(n) >= end]

    def before(self) -> list[ast.AST]:
        """What comes earlier in the function."""
        begin = at(self.statement)
        whole = isinstance(self.function, ast.Lambda)
        return [] if whole else [n for n in self.file.own(self.function) if hasattr(n, "lineno") and at(n) < begin]

    def loops(self) -> list[ast.AST]:
        """The loops around it in its function."""
        chain = (self.node, *self.file.above(self.node))
        found: list[ast.AST] = []
        for inner, outer in _pairs(chain):
            if outer is self.function:
                break
            if isinstance(outer, Loop) and inner not in _heads(outer):
                found.append(outer)
        return found


class Places:
    """Reads each file once; what cannot be read, or is no Python, has no places."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._files: dict[str, File | None] = {}

    def places(self, stack: Sequence[Site], call: str) -> list[Place]:
        """Those of a stack, innermost first.

        Args:
            stack: of a call.
            call: its name.

        Threads: one thread; reads files.
        """
        found = []
        for site in stack:
            place = self._place(site, call)
            if place is not None:
                found.append(place)
            call = site.function.rpartition(".")[2]
        return found

    def knows(self, stack: Iterable[Site]) -> bool:
        """Whether the source of all of a stack can be read.

        Threads: one thread; reads files.
        """
        return all(self.file(site.file) is not None for site in stack)

    def file(self, path: str) -> File | None:
        """A file; None if it cannot be read.

        Threads: one thread; reads it.
        """
        if path not in self._files:
            self._files[path] = _read(path)
        return self._files[path]

    def _place(self, site: Site, call: str) -> Place | None:
        file = self.file(site.file)
        if file is None:
            return None
        covering = [n for defs in file.functions.values() for n in defs if _covers(n, site.line)]
        function: ast.AST = max(covering, key=lambda n: n.lineno, default=file.tree)
        if site.function.endswith("<lambda>"):
            lambdas = [n for n in ast.walk(function) if isinstance(n, ast.Lambda) and _covers(n, site.line)]
            function = max(lambdas, key=lambda n: (n.lineno, n.col_offset), default=function)
        nodes = [n for n in file.own(function) if _covers(n, site.line)]
        calls = [n for n in nodes if isinstance(n, ast.Call) and name_of(n.func) == call]
        near = [n for n in calls if getattr(n.func, "end_lineno", 0) == site.line or n.lineno == site.line] or calls
        if near:
            return Place(file, function, near[0])
        statements = [n for n in nodes if isinstance(n, ast.stmt)]
        last = max((n.lineno for n in statements), default=0)
        node = next((n for n in statements if n.lineno == last), None)
        if isinstance(function, ast.Lambda):
            node = function.body  # type: ignore[assignment]
        return Place(file, function, node) if node is not None else None


def through(statements: Iterable[ast.stmt]) -> Iterator[Passed]:
    """What is surely done by statements that have been passed.

    Args:
        statements: the latest first.

    Threads: pure.
    """
    for statement in statements:
        if isinstance(statement, With):
            yield from through(reversed(statement.body))
            yield from (Passed(item.context_expr) for item in statement.items)
        elif isinstance(statement, ast.Try | ast.TryStar):
            yield from through(reversed(statement.finalbody))
            if all(leaves(handler.body) for handler in statement.handlers):
                yield from through(reversed(statement.orelse))
                yield from through(reversed(statement.body))
        elif isinstance(statement, ast.If):
            yield Passed(statement.test)
            if not statement.orelse:
                for each in through(reversed(statement.body)):
                    yield Passed(each.node, each.inside, each.rounds, statement.test)
        else:
            yield Passed(statement)
            if isinstance(statement, ast.For):
                for each in through(reversed(statement.body)):
                    yield Passed(each.node, each.inside, each.rounds + 1, each.provided)


def leaves(block: Sequence[ast.stmt]) -> bool:
    """Whether what comes after a block is not reached by its end.

    Threads: pure.
    """
    if not block:
        return False
    last = block[-1]
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        return name_of(last.value.func) in _ENDS
    if isinstance(last, ast.If):
        return leaves(last.body) and leaves(last.orelse)
    return isinstance(last, _LEAVES)


def name_of(node: ast.AST) -> str:
    """The last name of ``self.pool.idle``: ``idle``.

    Threads: pure.
    """
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def at(node: ast.AST) -> tuple[int, int]:
    """Where a node begins.

    Threads: pure.
    """
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def _covers(node: ast.AST, line: int) -> bool:
    return getattr(node, "lineno", 0) <= line <= (getattr(node, "end_lineno", None) or 0)


def _blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield block


def _heads(loop: ast.AST) -> list[ast.AST]:
    """What a loop does once, before its rounds."""
    return [loop.iter, loop.target] if isinstance(loop, ast.For | ast.AsyncFor) else []


def _pairs(chain: Sequence[ast.AST]) -> Iterator[tuple[ast.AST, ast.AST]]:
    return zip(chain, chain[1:], strict=False)


def _own(function: ast.AST) -> Iterator[ast.AST]:
    pending = [*ast.iter_child_nodes(function)][::-1]  # a sum of a thousand terms is a thousand deep
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, Def | ast.Lambda | ast.ClassDef):
            pending += [*ast.iter_child_nodes(node)][::-1]


def _read(path: str) -> File | None:
    try:
        status = os.stat(path)
        if status.st_size > _LARGEST_BYTES or not stat.S_ISREG(status.st_mode):  # opening a pipe would wait
            return None
        with open(path, "rb") as file:
            return File(ast.parse(file.read()), path)
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return None
