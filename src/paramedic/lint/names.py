"""The files that stacks name and those beside them that they import: their functions, and what is called by which name.

No values are followed here: who is given a thing by any name (an argument, an attribute, a loop's variable) has it.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from paramedic.lint.source import UnreadableSource, read_source
from paramedic.model.finding import Site

Def = ast.FunctionDef | ast.AsyncFunctionDef
Scope = Def | ast.Module

OWN = ("self", "cls", "super")
_PARTS = frozenset(("get", "setdefault", "pop", "popleft", "values", "items", "copy"))
_MOST_FILES = 50
_INSTALLED = frozenset(("site-packages", "dist-packages"))


class Names:
    """Functions, classes and names of a program's files.

    Attributes:
        functions: by name.
        classes: by name.
        outer: names that some function binds outside of itself.

    Threads: one thread; reads each file once.
    """

    def __init__(self) -> None:
        self._trees: dict[str, ast.Module | None] = {}
        self.functions: dict[str, list[Def]] = defaultdict(list)
        self.classes: dict[str, list[ast.ClassDef]] = defaultdict(list)
        self.outer: set[str] = set()
        self._same: dict[str, set[str]] = {}

    def knows(self, file: str) -> bool:
        """Whether a file can be read; it is, and with it what it imports of those beside it."""
        if file in self._trees:
            return self._trees[file] is not None
        try:
            tree = read_source(Path(file)).tree
        except (UnreadableSource, ValueError):
            self._trees[file] = None
            return False
        self._trees[file] = tree
        self._same.clear()
        for node in ast.walk(tree):
            if isinstance(node, Def):
                self.functions[node.name].append(node)
            elif isinstance(node, ast.ClassDef):
                self.classes[node.name].append(node)
            elif isinstance(node, (ast.Global, ast.Nonlocal)):
                self.outer.update(node.names)
            elif isinstance(node, (ast.Import, ast.ImportFrom)) and len(self._trees) < _MOST_FILES:
                for near in _beside(Path(file), node):
                    self.knows(str(near))
        return True

    def scope(self, site: Site) -> Scope:
        """The innermost function around a site of a known file, or its module."""
        tree = self._trees[site.file]
        assert tree is not None
        found: Scope = tree
        for node in ast.walk(tree):  # inner ones come later
            if isinstance(node, Def) and covers(node, site.line):
                found = node
        return found

    def nodes(self) -> Iterator[ast.AST]:
        """All of all files."""
        for tree in self._trees.values():
            yield from ast.walk(tree) if tree is not None else ()

    def scopes(self) -> Iterator[Scope]:
        """Modules and functions."""
        yield from (tree for tree in self._trees.values() if tree is not None)
        for functions in self.functions.values():
            yield from functions

    def called(self, name: str) -> Iterator[Def]:
        """The functions and constructors of a name."""
        yield from self.functions.get(name, ())
        for kind in self.classes.get(name, ()):
            yield from constructors(kind)

    def aliases(self, names: set[str]) -> set[str]:
        """These, and what the same things are called elsewhere."""
        for node in self.nodes() if not self._same else ():
            for one, other in self._pairs(node):
                if one and other and one not in OWN and other not in OWN:
                    self._same.setdefault(one, set()).add(other)
                    self._same.setdefault(other, set()).add(one)
        found, pending = set(names), list(names)
        while pending:
            new = self._same.get(pending.pop(), set()) - found
            found |= new
            pending += new
        return found

    def _pairs(self, node: ast.AST) -> Iterator[tuple[str, str]]:
        """Two names of one thing, or of a thing and what holds it."""
        if isinstance(node, ast.Assign):
            yield from ((tail(target), name) for target in node.targets for name in self._sources(node.value))
        elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
            targets = [n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)]
            yield from ((t, n.id) for t in targets for n in ast.walk(node.iter) if isinstance(n, ast.Name))
            yield from ((t, n.attr) for t in targets for n in ast.walk(node.iter) if isinstance(n, ast.Attribute))
        elif isinstance(node, ast.Call):
            yield from ((word.arg or "", name) for word in node.keywords for name in self._sources(word.value))
            given = [(node.func, node.args)] + [(a, node.args[n + 1 :]) for n, a in enumerate(node.args)]
            words = [word.value for word in node.keywords]
            given += [(word, [other]) for word in words for other in words if other is not word]
            for function, arguments in given:
                first = arguments[0] if arguments else None
                flat = first.elts if len(arguments) == 1 and isinstance(first, (ast.Tuple, ast.List)) else arguments
                for parameters in self._parameters(tail(function)):
                    for parameter, value in zip(parameters, flat, strict=False):
                        yield from ((parameter, name) for name in self._sources(value))

    def _sources(self, value: ast.AST) -> Iterator[str]:
        """What a value is, or is a part of, or holds."""
        if isinstance(value, (ast.Name, ast.Attribute, ast.Subscript, ast.Starred)):
            yield tail(value)
        elif isinstance(value, (ast.Tuple, ast.List, ast.Set, ast.Dict, ast.BoolOp, ast.IfExp, ast.NamedExpr)):
            for part in ast.iter_child_nodes(value):
                yield from self._sources(part)
        elif isinstance(value, ast.Call):
            if isinstance(value.func, ast.Attribute) and value.func.attr in _PARTS:
                yield tail(value.func.value)
            for function in self.functions.get(tail(value.func), ()):
                for node in own(function):
                    if isinstance(node, ast.Return) and isinstance(node.value, (ast.Name, ast.Attribute)):
                        yield tail(node.value)

    def _parameters(self, name: str) -> Iterator[list[str]]:
        yield from map(parameters, self.functions.get(name, ()))
        for made in self.classes.get(name, ()):
            yield [n.target.id for n in made.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)]
            yield from map(parameters, constructors(made))


def own(scope: ast.AST) -> Iterator[ast.AST]:
    """What belongs to a function itself, and not to another one in it.

    Threads: pure.
    """
    pending: list[ast.AST] = list(ast.iter_child_nodes(scope))
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, Def):
            pending += ast.iter_child_nodes(node)


def parameters(scope: Scope) -> list[str]:
    """The positional ones of a function, without ``self``.

    Threads: pure.
    """
    if isinstance(scope, ast.Module):
        return []
    every = [a.arg for a in (*scope.args.posonlyargs, *scope.args.args)]
    return every[1:] if every[:1] in (["self"], ["cls"]) else every


def constructors(made: ast.ClassDef) -> list[Def]:
    """The ``__init__`` of a class, where it has one.

    Threads: pure.
    """
    return [f for f in made.body if isinstance(f, Def) and f.name == "__init__"]


def calls(node: ast.AST) -> list[str]:
    """The name that is called here, if one is.

    Threads: pure.
    """
    return [tail(node.func)] if isinstance(node, ast.Call) else []


def parts(target: ast.AST) -> list[ast.AST]:
    """The elements of a tuple or list, or the thing itself.

    Threads: pure.
    """
    return [p for e in target.elts for p in parts(e)] if isinstance(target, (ast.Tuple, ast.List)) else [target]


def tail(node: ast.AST) -> str:
    """``results`` of ``self.results[host]``; "" of what has no name.

    Threads: pure.
    """
    while isinstance(node, (ast.Subscript, ast.Starred)):
        node = node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def first_line(node: ast.AST) -> int:
    """Where it begins; 0 of what has no place.

    Threads: pure.
    """
    return getattr(node, "lineno", 0)


def last_line(node: ast.AST) -> int:
    """Where it ends.

    Threads: pure.
    """
    return getattr(node, "end_lineno", None) or first_line(node)


def covers(node: ast.AST, line: int) -> bool:
    """Whether a line is a part of it.

    Threads: pure.
    """
    return first_line(node) <= line <= last_line(node)


def _beside(file: Path, node: ast.Import | ast.ImportFrom) -> Iterator[Path]:
    """The files of the program's own that a statement imports, as far as they lie beside the one that it is in."""
    if _INSTALLED.intersection(file.parts):
        return
    names = [alias.name for alias in node.names]
    level = node.level if isinstance(node, ast.ImportFrom) else 0
    if isinstance(node, ast.ImportFrom):
        names = (
            [node.module] if node.module and not level else [f"{node.module}." * bool(node.module) + n for n in names]
        )
        names += [node.module] if node.module and level else []
    folders = [file.parent, *file.parents[1:3]] if not level else [file.parents[min(level, len(file.parents)) - 1]]
    for name in names:
        for folder in folders:
            base = folder.joinpath(*name.split("."))
            yield from (p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file())
