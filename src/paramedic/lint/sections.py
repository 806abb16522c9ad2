"""Critical sections that only note or print something: who comes into one learns nothing there, and waits for nobody.

``with lock: self.done += 1`` and ``with lock: print(line)`` protect a counter and a line. That one thread came through
such a lock before another is an accident, and would be taken for an order of all that the two have done. It is none if
nothing that is read under the lock decides anything outside: the section only stores, appends and prints, and its
thread does not look at what is stored there without the lock.

Threads: one thread; reads the files that stacks name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from paramedic.lint.passages import Def, File, Place, Places, name_of
from paramedic.model.finding import Site

_PRINTS = frozenset("print debug info warning warn error exception critical log flush writerow writerows".split())
"""By their names: `print`, the methods of loggers, rows of a csv file."""
_SAYS = frozenset(("write", "flush"))
_NOTES = frozenset("append appendleft extend add update insert setdefault discard observe inc dec increment".split())
"""What changes a container, or a counter, and whose result nobody takes."""
_READS = frozenset(
    "len str repr int float bool round abs min max sum sorted list dict tuple set frozenset format isinstance hash "
    "time monotonic perf_counter now utcnow strftime isoformat current_thread get_ident getpid get items keys values "
    "strip rstrip lstrip split splitlines rsplit join decode encode lower upper startswith endswith replace ljust "
    "rjust center total_seconds getattr type enumerate zip range reversed copy count dumps hexdigest Counter".split()
)
"""What makes a value of others, and waits for nobody."""


class Sections:
    """Reads each file once; what cannot be read may decide anything.

    Threads: one thread; reads the files that stacks name.
    """

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._places = Places()

    def only_notes(self, stack: Sequence[Site]) -> bool:
        """Whether what a thread does under a lock, which it takes here, is to note or print something.

        Args:
            stack: where it takes the lock, innermost first.
        """
        places = self._places.places(stack, "acquire")
        if not 0 < len(places) == len(stack):
            return False
        place = places[0]
        found = _section(place)
        if found is None:
            return False
        lock, body = found
        section = _Section(place)
        if not all(map(section.is_understood, body)) or not body:
            return False
        if not section.stored:
            return True
        passed = _passed(places)
        return not any(_is_read(name, lock, passed) for name in section.stored)


def _section(place: Place) -> tuple[str, list[ast.stmt]] | None:
    """The name of the lock that is taken at a place, and what is done under it."""
    node = place.node
    if isinstance(node, ast.With):
        given = node.items[0].context_expr
        if len(node.items) > 1 or node.items[0].optional_vars or not isinstance(given, ast.Name | ast.Attribute):
            return None
        return name_of(given), node.body
    statement = place.statement
    if not (isinstance(node, ast.Call) and isinstance(statement, ast.Expr) and statement.value is node):
        return None
    lock = name_of(node.func.value) if isinstance(node.func, ast.Attribute) and not node.args else ""
    above = place.file.parent(statement)
    block = next((b for b in (getattr(above, "body", []), getattr(above, "orelse", [])) if statement in b), None)
    if not lock or block is None:
        return None
    rest = block[block.index(statement) + 1 :]
    if rest and isinstance(rest[0], ast.Try):
        tried = rest[0]
        if not tried.handlers and len(tried.finalbody) == 1 and _lets_go(tried.finalbody[0], lock):
            return lock, [*tried.body, *tried.orelse]
    for count, each in enumerate(rest):
        if _lets_go(each, lock):
            return lock, rest[:count]
    return None


def _lets_go(statement: ast.stmt, lock: str) -> bool:
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return False
    return call.func.attr == "release" and name_of(call.func.value) == lock


class _Section:
    """The statements of one.

    Attributes:
        stored: names of the variables, attributes and containers that they change.
    """

    def __init__(self, place: Place) -> None:
        self.stored: set[str] = set()
        self._file = place.file

    def is_understood(self, statement: ast.stmt) -> bool:
        """Whether a statement only notes or prints."""
        if isinstance(statement, ast.Pass):
            return True
        if isinstance(statement, ast.Expr):
            value = statement.value
            return isinstance(value, ast.Constant) or isinstance(value, ast.Call) and self._is_note(value)
        if isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            return all(map(self._stores, targets)) and (statement.value is None or _is_plain(statement.value))
        if isinstance(statement, ast.Delete):
            return all(isinstance(t, ast.Subscript) and self._stores(t) for t in statement.targets)
        if isinstance(statement, ast.If):
            return _is_plain(statement.test) and all(map(self.is_understood, (*statement.body, *statement.orelse)))
        if isinstance(statement, ast.For):
            inner = (*statement.body, *statement.orelse)
            return self._stores(statement.target) and _is_plain(statement.iter) and all(map(self.is_understood, inner))
        return False

    def _stores(self, target: ast.expr) -> bool:
        if isinstance(target, ast.Tuple | ast.List):
            return all(map(self._stores, target.elts))
        while isinstance(target, ast.Subscript):
            if not _is_plain(target.slice):
                return False
            target = target.value
        if isinstance(target, ast.Name | ast.Attribute):
            self.stored.add(name_of(target))
            return True
        return isinstance(target, ast.Call) and self._is_note(target)

    def _is_note(self, call: ast.Call) -> bool:
        given = (*call.args, *(k.value for k in call.keywords))
        if not all(_is_plain(g.value if isinstance(g, ast.Starred) else g) for g in given):
            return False
        if _prints(call):
            return True
        if isinstance(call.func, ast.Attribute) and call.func.attr in _NOTES:
            return self._stores(call.func.value)
        return False


def _prints(call: ast.Call) -> bool:
    name = name_of(call.func)
    if name in _SAYS:
        said = call.func.value if isinstance(call.func, ast.Attribute) else None
        return isinstance(said, ast.Attribute) and name_of(said.value) == "sys"
    return name in _PRINTS


def _is_plain(value: ast.expr) -> bool:
    """Whether it is made of what is there, and nothing is waited for."""
    for node in ast.walk(value):
        if isinstance(node, ast.Call) and name_of(node.func) not in _READS:
            if not isinstance(node.func, ast.Attribute) or not isinstance(node.func.value, ast.Constant):
                return False
        if isinstance(node, ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr | ast.Lambda):
            return False
    return True


def _is_read(name: str, lock: str, passed: list[tuple[File, set[int]]]) -> bool:
    """Whether who was in the section looks at this without the lock, other than to print it."""
    return any(
        id(_home(file, use)) in functions and not _is_harmless(file, use, lock)
        for file, functions in passed
        for use in file.uses.get(name, ())
    )


def _passed(places: Sequence[Place]) -> list[tuple[File, set[int]]]:
    """The files of a stack, each with the functions (by ``id()``) in it that its thread may come through."""
    files = list({id(place.file): place.file for place in places}.values())
    pending: list[tuple[File, ast.AST]] = [(place.file, place.function) for place in places]
    found: dict[int, set[int]] = {id(file): set() for file in files}
    while pending:
        file, function = pending.pop()
        if id(function) in found[id(file)]:
            continue
        found[id(file)].add(id(function))
        names = {name_of(n) for n in file.own(function) if isinstance(n, ast.Name)}
        names |= {name_of(n.func) for n in file.own(function) if isinstance(n, ast.Call)}
        asked = {n.attr for n in file.own(function) if isinstance(n, ast.Attribute)}
        for other in files:
            for name in names | asked:
                for each in other.functions.get(name, ()):
                    if name in names or each.decorator_list:  # a property
                        pending.append((other, each))
    return [(file, found[id(file)]) for file in files]


def _home(file: File, node: ast.AST) -> ast.AST:
    """The function that a node belongs to, or the one that made the small one that it is in."""
    home = file.home(node)
    while isinstance(home, ast.Lambda):
        home = file.home(home)
    return home


def _is_harmless(file: File, use: ast.AST, lock: str) -> bool:
    """Whether something is used under the lock, or only printed."""
    inner: ast.AST = use
    for outer in file.above(use):
        if isinstance(outer, ast.With) and inner in outer.body and _takes(outer.items, lock):
            return True
        if isinstance(outer, ast.Try) and any(_lets_go(s, lock) for s in outer.finalbody) and inner in outer.body:
            return True
        if isinstance(outer, ast.Call) and inner is not outer.func and _prints(outer):
            return True
        if isinstance(outer, Def):
            return False
        inner = outer
    return False


def _takes(items: Iterable[ast.withitem], lock: str) -> bool:
    return any(name_of(item.context_expr) == lock for item in items)
