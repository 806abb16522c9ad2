"""Functions of the programs that findings speak of, as their source has them.

Threads: one thread; reads files.
"""

from __future__ import annotations

import ast
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from paramedic.model.finding import Site

_LARGEST_BYTES = 2_000_000
_MOST_CALLS = 5
"""So far it is followed back what a parameter is."""
_MEETINGS = frozenset(
    "Lock RLock Semaphore BoundedSemaphore allocate_lock FileLock SoftFileLock Event Queue SimpleQueue "
    "JoinableQueue".split()
)
_RECORDED = frozenset(("threading", "queue", "asyncio"))
_Def = ast.FunctionDef | ast.AsyncFunctionDef


class File:
    """One file's functions.

    Attributes:
        tree: all of it.
        by_name: its functions and methods.
        partners: of names that are assigned together, as the two ends of a pipe, all.
        imported: names that are modules, or come from one, and from which.
        foreign: names of locks, events and queues that are of no module whose own are recorded.
        given: what functions are called, started or submitted with: by the ``id()`` of the function and the parameter.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.by_name: dict[str, list[_Def]] = {}
        self.partners: dict[str, set[str]] = {}
        self.imported: dict[str, str] = {}
        self.foreign: set[str] = set()
        self.given: dict[tuple[int, str], ast.expr] = {}
        self._variables: dict[int, set[str]] = {}
        self._own: dict[int, list[ast.AST]] = {}
        self._around: dict[int, list[_Def]] = {}
        for node in ast.walk(tree):
            if isinstance(node, _Def):
                self.by_name.setdefault(node.name, []).append(node)
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
                together = {name_of(target) for target in node.targets[0].elts} - {""}
                for name in together:
                    self.partners.setdefault(name, set()).update(together)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                for alias in node.names:
                    module = node.module or "" if isinstance(node, ast.ImportFrom) else alias.name
                    self.imported[(alias.asname or alias.name).partition(".")[0]] = module
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                for called, arguments in _calls(node):
                    self._gives(name_of(called), arguments)
            elif isinstance(node, ast.Assign) and self._is_foreign(node.value):
                self.foreign |= {name_of(target) for target in node.targets} - {""}

    def _is_foreign(self, value: ast.expr) -> bool:
        if not isinstance(value, ast.Call):
            return False
        root: ast.expr = value
        while isinstance(root, ast.Attribute | ast.Call):
            root = root.value if isinstance(root, ast.Attribute) else root.func
        module = self.imported.get(name_of(root), "a variable")
        return name_of(value.func) in _MEETINGS and module not in _RECORDED

    def _gives(self, name: str, arguments: list[ast.expr]) -> None:
        for function in self.by_name.get(name, ()):
            parameters = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
            if parameters[:1] in (["self"], ["cls"]):
                del parameters[0]
            for parameter, argument in zip(parameters, arguments, strict=False):
                self.given.setdefault((id(function), parameter), argument)

    def around(self, line: int) -> list[_Def]:
        """The functions in which a line stands, the innermost first."""
        known = self._around.get(line)
        if known is None:
            found = [d for defs in self.by_name.values() for d in defs if d.lineno <= line <= (d.end_lineno or 0)]
            known = self._around[line] = sorted(found, key=lambda d: -d.lineno)
        return known

    def own(self, function: ast.AST) -> list[ast.AST]:
        """What belongs to a function, and not to one that it defines."""
        known = self._own.get(id(function))
        if known is None:
            known = self._own[id(function)] = list(_own(function))
        return known

    def variables(self, function: _Def) -> set[str]:
        """The names that are its own."""
        known = self._variables.get(id(function))
        if known is None:
            own = self.own(function)
            known = {node.arg for node in own if isinstance(node, ast.arg)}
            known |= {node.id for node in own if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
            known -= {name for node in own if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names}
            self._variables[id(function)] = known
        return known


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function, or a module's body, and the line at which it is.

    Attributes:
        file: where it stands.
        node: the function.
        line: the line.
        alone: whether it is a lambda: the line is all of it.
    """

    file: File
    node: ast.AST
    line: int
    alone: bool = False

    @property
    def own(self) -> list[ast.AST]:
        """What belongs to it, and not to a function that it defines."""
        return self.file.own(self.node)

    def here(self) -> list[ast.AST]:
        """What begins on the line, but for further statements there."""
        found = [node for node in self.own if getattr(node, "lineno", 0) == self.line]
        further = [node for node in found if isinstance(node, ast.stmt)][1:] if not self.alone else []
        behind = {id(inner) for node in further for inner in ast.walk(node)}
        return [node for node in found if id(node) not in behind]

    def before(self) -> list[ast.AST]:
        """What has ended before the line."""
        if self.alone:
            return []
        return [node for node in self.own if 0 < (getattr(node, "end_lineno", None) or 0) < self.line]

    def after(self) -> list[ast.AST]:
        """What begins after the statement of the line; of a lambda, its line."""
        if self.alone:
            return self.here()
        found = [node for node in self.own if getattr(node, "lineno", 0) >= self.line]
        first = next((node for node in found if isinstance(node, ast.stmt) and node.lineno == self.line), None)
        head = {id(first), *map(id, _head(first))} if first is not None else set()
        return [node for node in found if id(node) not in head]

    def called(self, node: ast.AST) -> list[Function]:
        """The functions of the file that a call may mean, by its name."""
        if not isinstance(node, ast.Call):
            return []
        return [Function(self.file, found, 0) for found in self.file.by_name.get(name_of(node.func), ())]

    def variables(self) -> set[str]:
        """The names that are its own; those of a module are everybody's."""
        return self.file.variables(self.node) if isinstance(self.node, _Def) else set()

    def variable(self, name: str) -> tuple[str, int]:
        """Which variable a name is: its own name, and the ``id()`` of the function, or of the module, whose it is.

        A parameter is what was given for it; what is an attribute has 0.
        """
        line = self.line or getattr(self.node, "lineno", 0)
        for _ in range(_MOST_CALLS):
            home = next((d for d in self.file.around(line) if name in self.file.variables(d)), None)
            argument = self.file.given.get((id(home), name))
            if home is None or not isinstance(argument, ast.Name | ast.Attribute):
                return name, id(home if home is not None else self.file.tree)
            if isinstance(argument, ast.Attribute):
                return argument.attr, 0
            name, line = argument.id, argument.lineno
        return name, 0


class Sources:
    """Reads each file once; what cannot be read, or is no Python, has no functions."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._files: dict[str, File | None] = {}

    def function(self, site: Site) -> Function | None:
        """The function of a site, at its line.

        Threads: one thread; reads the file.
        """
        if site.file not in self._files:
            self._files[site.file] = _read(site.file)
        file = self._files[site.file]
        if file is None:
            return None
        innermost = next(iter(file.around(site.line)), file.tree)
        return Function(file, innermost, site.line, site.function.endswith("<lambda>"))


def _calls(call: ast.Call) -> Iterator[tuple[ast.expr, list[ast.expr]]]:
    """What a call may call, and with what: also ``submit(work, 1)`` and ``Thread(target=work, args=(1,))``."""
    yield call.func, call.args
    for place, argument in enumerate(call.args, 1):
        yield argument, call.args[place:]
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    given = named.get("args")
    if isinstance(given, ast.Tuple | ast.List):
        for value in (*named.values(), *call.args):
            yield value, given.elts


def name_of(node: ast.AST) -> str:
    """The last name of ``self.pool.idle``: ``idle``.

    Threads: pure.
    """
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _read(path: str) -> File | None:
    try:
        status = os.stat(path)
        if status.st_size > _LARGEST_BYTES or not stat.S_ISREG(status.st_mode):  # opening a pipe would wait
            return None
        with open(path, "rb") as file:
            return File(ast.parse(file.read()))
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _head(statement: ast.stmt) -> Iterator[ast.AST]:
    """A statement without those that it contains."""
    for child in ast.iter_child_nodes(statement):
        if not isinstance(child, ast.stmt | ast.ExceptHandler):
            yield from ast.walk(child)


def _own(function: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, _Def):
            yield child
            yield from _own(child)
