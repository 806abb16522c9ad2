"""Waits with a limit: whether a program that goes on after one knows that what it waited for has come.

Threads: one thread, the reader's own; nothing here blocks.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from paramedic.lint.slots import LEAVES

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker

_ENDS_LOOP = (ast.Return, ast.Raise, ast.Break)
_ENDS = frozenset(("exit", "_exit", "abort", "fail", "kill", "quit"))


def gives_up(w: Walker, method: str, node: ast.AST | None) -> bool:
    """Whether a wait may come back before the end, and the program goes on all the same, as far as can be seen.

    Args:
        w: who waits.
        method: the method that is called.
        node: the call.

    Threads: the reader's own.
    """
    if not is_limited(method, node):
        return False
    if method not in {"wait", "wait_for"}:
        return w.guards > 0  # it raises TimeoutError
    statement = w.statement
    if isinstance(statement, ast.If) and any(
        isinstance(n, ast.UnaryOp) and isinstance(n.op, ast.Not) and n.operand is node for n in ast.walk(statement.test)
    ):
        return not _leaves(statement.body[-1], LEAVES)
    if isinstance(statement, ast.Assign) and statement.value is node and w.stack:
        names = {target.id for target in statement.targets if isinstance(target, ast.Name)}
        return bool(names) and not _is_asked(w.stack[-1], names)
    return isinstance(statement, ast.Expr) and statement.value is node


def only_goes_on(w: Walker, node: ast.AST) -> bool:
    """Whether a wait that has come to its limit ends the loop or the function around it.

    Args:
        w: who waits.
        node: the call, which says whether it waited long enough.

    Threads: the reader's own.
    """
    statement = w.statement
    if isinstance(statement, ast.If):
        return _is_denied(statement.test, node) and _leaves(statement.body[-1], _ENDS_LOOP)
    if isinstance(statement, ast.Assert):
        return _is_asserted(statement.test, node)
    if isinstance(statement, ast.Assign) and statement.value is node and w.stack:
        names = {target.id for target in statement.targets if isinstance(target, ast.Name)}
        return any(
            isinstance(later, ast.If) and later.lineno > statement.lineno and _leaves(later.body[-1], _ENDS_LOOP)
            for later in ast.walk(w.stack[-1])
            if isinstance(later, ast.If) and any(_is_denied(later.test, name) for name in _named(later.test, names))
        )
    return False


def _named(test: ast.expr, names: set[str]) -> list[ast.AST]:
    return [n for n in ast.walk(test) if isinstance(n, ast.Name) and n.id in names]


def is_limited(method: str, node: ast.AST | None) -> bool:
    """Whether a call is given a limit.

    Threads: pure.
    """
    if not isinstance(node, ast.Call):
        return False
    given = [*node.args[method == "wait_for" :], *(k.value for k in node.keywords if k.arg != "predicate")]
    return any(not (isinstance(one, ast.Constant) and one.value is None) for one in given)


def _is_denied(test: ast.expr, node: ast.AST | None) -> bool:
    """Whether a test is true wherever a call says no: ``not done.wait(5)``, alone or among others with ``or``."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        return _is_denied(test.values[0], node)
    return isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) and test.operand is node


def _is_asserted(test: ast.expr, node: ast.AST | None) -> bool:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(_is_asserted(one, node) for one in test.values)
    return test is node


def _leaves(statement: ast.stmt, kinds: tuple[type[ast.stmt], ...]) -> bool:
    """Whether no run gets past a statement."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        called = statement.value.func
        return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) in _ENDS
    return isinstance(statement, kinds)


def _is_asked(function: ast.AST, names: set[str]) -> bool:
    """Whether a function asks for what one of its variables holds, or gives it back."""
    tests = [n.test for n in ast.walk(function) if isinstance(n, (ast.If, ast.While, ast.Assert, ast.IfExp))]
    tests += [n.value for n in ast.walk(function) if isinstance(n, ast.Return) and n.value is not None]
    return any(isinstance(n, ast.Name) and n.id in names for test in tests for n in ast.walk(test))
