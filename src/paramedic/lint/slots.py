"""Variables in which a turn of a loop leaves something for the next one: a signal, a future or a thread of its own.

``future = pool.submit(step, future, path)``, or ``submit(step, former, mine)`` and, at the end, ``former = mine``. It
is what the former turn has left, and surely so, only where the one assignment is made in each turn that begins
anything.

Threads: one thread; pure.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_KINDS = {
    "Event": "event",
    "Future": "promise",
    **dict.fromkeys(("submit", "apply_async"), "future"),
    **dict.fromkeys(("Thread", "Timer"), "thread"),
}


@dataclass(frozen=True, slots=True)
class Slot:
    """One such variable.

    Attributes:
        target: its name, or the attribute.
        kind: of what is left in it; "" for an object of a class whose name does not say that.
        call: the expression that makes what is left.
    """

    target: ast.Name | ast.Attribute
    kind: str
    call: ast.Call


@dataclass(slots=True)
class _Store:
    node: ast.AST
    value: ast.expr
    block: Sequence[ast.stmt]


def slots(body: list[ast.stmt], test: ast.expr | None = None) -> tuple[Slot, ...]:
    """The variables that carry something from one turn to the next.

    Args:
        body: what is done in each turn.
        test: what is asked before each turn.

    Threads: pure.
    """
    stores: dict[str, list[_Store]] = {}
    count: dict[str, int] = {}
    for block in _blocks(body):
        for statement in block:
            for target, value in _assigned(statement):
                stores.setdefault(ast.unparse(target), []).append(_Store(statement, value, block))
    if not any(
        isinstance(store.value, ast.Call) and kind_of(store.value) is not None for s in stores.values() for store in s
    ):
        return ()
    nodes = [n for part in (*body, *([test] if test is not None else [])) for n in ast.walk(part)]
    for node in nodes:
        if isinstance(node, (ast.Name, ast.Attribute)) and not isinstance(node.ctx, ast.Load):
            text = ast.unparse(node)
            count[text] = count.get(text, 0) + 1
    found = []
    for text, mine in stores.items():
        left = _left(mine, stores, text) if len(mine) == count[text] else None
        if left is None or not _is_whole(left[1], left[0], body, text, nodes):
            continue
        call, store = left
        where = next(t for t, _ in _assigned(store.node) if ast.unparse(t) == text)
        assert isinstance(where, (ast.Name, ast.Attribute))
        found.append(Slot(where, kind_of(call) or "", call))
    return tuple(found)


def kind_of(call: ast.Call) -> str | None:
    """The kind of what a call makes, "" where its class may say; None for anything else.

    Threads: pure.
    """
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return _KINDS.get(name, "" if name[:1].isupper() else None)


def _left(mine: list[_Store], stores: dict[str, list[_Store]], text: str) -> tuple[ast.Call, _Store] | None:
    """The call that makes what is left, and where it is left; None where that is not one and the same in each turn."""
    real = [one for one in mine if not (isinstance(one.value, ast.Constant) and one.value.value is None)]
    if len(real) != 1 or any(not _was_asked(one, text) for one in mine if one is not real[0]):
        return None
    value = real[0].value
    if isinstance(value, ast.Name):
        theirs = stores.get(value.id, [])
        if len(theirs) != 1 or value.id == text:
            return None
        value = theirs[0].value
    return (value, real[0]) if isinstance(value, ast.Call) and kind_of(value) is not None else None


def _was_asked(store: _Store, text: str) -> bool:
    """Whether what is forgotten here was asked for its end before: ``print(job.result()); job = None``."""
    before = store.block[: [*store.block].index(store.node)]  # type: ignore[arg-type]
    return any(
        isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and ast.unparse(n.func.value) == text
        for statement in before
        for n in ast.walk(statement)
    )


def _is_whole(store: _Store, call: ast.Call, body: list[ast.stmt], text: str, nodes: list[ast.AST]) -> bool:
    """Whether a turn that has begun something leaves it, and nothing else is handed on in its place."""
    loads = [n for n in nodes if isinstance(n, (ast.Name, ast.Attribute)) and isinstance(n.ctx, ast.Load)]
    loads = [n for n in loads if ast.unparse(n) == text]
    end = getattr(store.node, "end_lineno", 0)
    if not any(n.lineno <= end for n in loads):
        return False
    asked = {id(n.test) for n in nodes if isinstance(n, (ast.If, ast.While, ast.IfExp))}
    for node in nodes:
        arms: list[ast.expr] = []
        if isinstance(node, ast.IfExp) and not presence(node.test, text):
            arms = [node.body, node.orelse]
        elif isinstance(node, ast.BoolOp) and id(node) not in asked:
            arms = node.values
        if any(isinstance(arm, (ast.Name, ast.Attribute)) and ast.unparse(arm) == text for arm in arms):
            return False
    if store.value is call:
        return True  # nothing is begun but by the assignment
    if not any(store.node in block for block in _plain(body)):
        return False
    last = getattr(store.node, "lineno", 0)
    first = call.lineno if call.lineno < last else max((n.lineno for n in loads if n.lineno < last), default=last)
    return not any(isinstance(n, LEAVES) and first < n.lineno < last for n in nodes)


def presence(test: ast.expr, text: str) -> bool | None:
    """Whether a variable has something where a test is true, or where it is false; None if that is not what it asks.

    Threads: pure.
    """
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = presence(test.operand, text)
        return None if inner is None else not inner
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.comparators[0], ast.Constant):
        if test.comparators[0].value is None and ast.unparse(test.left) == text:
            if isinstance(test.ops[0], (ast.Is, ast.Eq)):
                return False
            return True if isinstance(test.ops[0], (ast.IsNot, ast.NotEq)) else None
    return True if isinstance(test, (ast.Name, ast.Attribute)) and ast.unparse(test) == text else None


def _blocks(body: Sequence[ast.stmt]) -> Iterator[Sequence[ast.stmt]]:
    """All blocks of a function or a loop, but not those of functions in it."""
    yield body
    for statement in body:
        if not isinstance(statement, _INNER):
            for inner in _inner(statement):
                yield from _blocks(inner)


def _plain(body: Sequence[ast.stmt]) -> Iterator[Sequence[ast.stmt]]:
    """The blocks that each turn runs; a loop in it may run none or several of its own."""
    yield body
    for statement in body:
        if isinstance(statement, (ast.With, ast.Try, ast.For, ast.While)):
            yield from _plain(statement.body)
            for name in ("orelse", "finalbody"):
                if isinstance(statement, ast.Try):
                    yield from _plain(getattr(statement, name))


def _inner(statement: ast.stmt) -> Iterator[Sequence[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        inner = getattr(statement, name, None)
        if isinstance(inner, list):
            yield inner
    for name in ("handlers", "cases"):
        for one in getattr(statement, name, ()):
            yield one.body


def _assigned(statement: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Names and attributes to which a statement assigns something, each with what that is."""
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        pairs: list[tuple[ast.expr, ast.expr]] = [(statement.target, statement.value)]
    elif isinstance(statement, ast.Assign):
        pairs = [(target, statement.value) for target in statement.targets]
    else:
        return
    for target, value in pairs:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            yield from ((t, v) for t, v in zip(target.elts, value.elts, strict=True) if _is_variable(t))
        elif _is_variable(target):
            yield target, value


def _is_variable(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) or isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name)
