"""What one of several threads does: by its number, or whom a barrier has chosen.

``if barrier.wait() == 0:`` is so in one of the threads that have met there. What that one does never meets what the one
does whom a later wait chooses: nobody gets past that before it has come, too. ``if number == 0:`` is so in one of the
threads that ``for number in range(8)`` has started.

Threads: one thread; pure.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from paramedic.lint.operations import Operation
from paramedic.lint.passages import Def, name_of
from paramedic.lint.values import Obj
from paramedic.lint.world import World

_Choice = tuple[int, int, object]
"""The barrier, the call of its ``wait()`` and the number that is asked for; for a thread's own, its function."""


class Leaders:
    """The waits for a barrier whose number somebody asks for.

    Args:
        world: what was read.
        places: the functions in which an operation is under way, innermost first, and their lines.

    Threads: one thread.
    """

    def __init__(self, world: World, places: Callable[[Operation], Iterator[tuple[Def, int]]]) -> None:
        self._world = world
        self._places = places
        self._counted: dict[tuple[int, str], bool] = {}
        self._waits: dict[tuple[str, int, int], Obj] = {
            (one.site.file, one.call.lineno, one.call.col_offset): one.obj.root
            for one in world.operations
            if one.obj.kind == "barrier" and one.method == "wait" and one.call is not None
        }

    def one_does(self, a: Operation, b: Operation, obj: Obj) -> bool:
        """Whether both are done by who is chosen, so that they are never done at once.

        Args:
            a: the one.
            b: the other.
            obj: what both use; a barrier of which there are more than of these chooses several.

        Threads: pure.
        """
        if not a.path or not b.path:
            return False
        mine, theirs = set(self._chosen(a, obj)), set(self._chosen(b, obj))
        return any(
            one[0] == other[0] and (one[1] != other[1] or one[2] == other[2]) for one in mine for other in theirs
        )

    def _chosen(self, operation: Operation, obj: Obj) -> Iterator[_Choice]:
        places = list(self._places(operation))
        for function, line in places:
            for branch in (n for n in ast.walk(function) if isinstance(n, ast.If)):
                if not any(s.lineno <= line <= (s.end_lineno or 0) for s in branch.body):
                    continue
                for call, number in _asked(function, branch.test):
                    barrier = self._waits.get((operation.site.file, call.lineno, call.col_offset))
                    if barrier is not None and not set(barrier.loops) - set(obj.root.loops):
                        yield id(barrier), id(call), number
                if function is places[-1][0] and len(operation.context.turns() - set(obj.root.loops)) == 1:
                    yield from self._numbered(function, branch.test)

    def _numbered(self, function: Def, test: ast.expr) -> Iterator[_Choice]:
        """The number that a thread must have been started with."""
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq):
            asked, number = test.left, test.comparators[0]
        elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            asked, number = test.operand, ast.Constant(0)
        else:
            return
        if not isinstance(asked, ast.Name) or not isinstance(number, ast.Constant) or _given(function, asked.id):
            return
        key = id(function), asked.id
        if key not in self._counted:
            self._counted[key] = self._is_counted(function, asked.id)
        if self._counted[key]:
            yield id(function), id(function), number.value

    def _is_counted(self, function: Def, parameter: str) -> bool:
        """Whether all who start threads with a function give each another number."""
        names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        place = names.index(parameter) - (names[0] in ("self", "cls")) if parameter in names else -1
        trees = {id(f.module.tree): f.module.tree for fs in self._world.functions.values() for f in fs}
        begun = [c for tree in trees.values() for c in _starts(tree, function.name)]
        return place >= 0 and bool(begun) and all(len(c) > place and c[place] for c in begun)


def _asked(function: Def, test: ast.expr) -> Iterator[tuple[ast.Call, object]]:
    """The call whose result has to be a certain number: ``not x()``, ``x() == 0``, and of a name that was given it."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        for part in test.values:
            yield from _asked(function, part)
    elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield from ((call, 0) for call in _results(function, test.operand))
    elif isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.comparators[0], ast.Constant):
        if isinstance(test.ops[0], (ast.Eq, ast.Is)):
            yield from ((call, test.comparators[0].value) for call in _results(function, test.left))
    elif isinstance(test, ast.Name):
        given = _given(function, test.id)
        if len(given) == 1 and isinstance(given[0], (ast.Compare, ast.UnaryOp)):
            yield from _asked(function, given[0])


def _results(function: Def, value: ast.expr) -> Iterator[ast.Call]:
    if isinstance(value, ast.NamedExpr):
        value = value.value
    if isinstance(value, ast.Name):
        given = _given(function, value.id)
        value = given[0] if len(given) == 1 else value
    if isinstance(value, ast.Call) and name_of(value.func) == "wait":
        yield value


def _given(function: Def, name: str) -> list[ast.expr]:
    """All that a name is given in a function."""
    found: list[ast.expr] = []
    for node in ast.walk(function):
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.NamedExpr, ast.For)):
            targets = [node.target]
        if any(isinstance(t, ast.Name) and t.id == name for target in targets for t in ast.walk(target)):
            found.append(node.value if isinstance(node, ast.Assign) and len(targets) == 1 else ast.Constant(None))
    return found


def _starts(tree: ast.AST, name: str) -> Iterator[list[bool]]:
    """For each thread that is given a function: which of its arguments are numbers that a loop counts."""
    for loop, counted in _countings(tree):
        for call in (n for n in ast.walk(loop) if isinstance(n, ast.Call)):
            given = _arguments(call, name)
            if given is not None:
                yield [isinstance(one, ast.Name) and one.id == counted for one in given]
    inside = {id(n) for loop, _ in _countings(tree) for n in ast.walk(loop)}
    for call in (n for n in ast.walk(tree) if isinstance(n, ast.Call) and id(n) not in inside):
        if _arguments(call, name) is not None or name_of(call.func) == name:
            yield []


def _countings(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Loops over ``range()`` and ``enumerate()``, each with the name of its number."""
    for node in ast.walk(tree):
        each = [node] if isinstance(node, ast.For) else getattr(node, "generators", [])
        for one in each:
            source, target = one.iter, one.target
            if isinstance(source, ast.Call) and isinstance(source.func, ast.Name):
                if source.func.id == "enumerate" and isinstance(target, ast.Tuple):
                    target = target.elts[0]
                elif source.func.id != "range":
                    continue
                if isinstance(target, ast.Name):
                    yield node, target.id


def _arguments(call: ast.Call, name: str) -> list[ast.expr] | None:
    """What a thread gives the function that it is started with; None where it is not this function."""
    for keyword in call.keywords:
        if keyword.arg == "target" and name_of(keyword.value) == name:
            args = next((k.value for k in call.keywords if k.arg == "args"), None)
            return list(args.elts) if isinstance(args, (ast.Tuple, ast.List)) else []
    if name_of(call.func) == "submit" and call.args and name_of(call.args[0]) == name:
        return call.args[1:]
    return None
