"""What a thread is started as: one function does for several, and a constant that each was given says which it is.

``pump("in")`` and ``pump("out")`` run the same lines but for ``if way == "out": … else: …``, of which each thread takes
its own arm. Only what a thread's own function is given counts, where nobody changes it: what is called further down
may be called with anything by then.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from paramedic.lint.values import Const, Value, alternatives

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker

_STARTERS = frozenset("Thread Timer Process submit start_new_thread to_thread run_in_executor".split())
_PLAIN = (str, bytes, int, float, bool, type(None))


def settled(w: Walker, test: ast.expr) -> bool | None:
    """How a test on what the thread is ends in it; None where it is on something else, too.

    Threads: the reader's own; does not block.
    """
    if w.context.parent is None or len(w.stack) != w.root_depth + 1:
        return None
    if isinstance(test, (ast.Name, ast.Attribute)):
        known = _given(w, test)
        return None if known is None else bool(known.value)
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return None
    known = _given(w, test.left)
    try:
        other = ast.literal_eval(test.comparators[0])
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    if known is None:
        return None
    operation = test.ops[0]
    if isinstance(operation, (ast.Eq, ast.NotEq)):
        return (known.value == other) is isinstance(operation, ast.Eq)
    if isinstance(operation, (ast.Is, ast.IsNot)) and (other is None or isinstance(other, bool)):
        return (known.value is other) is isinstance(operation, ast.Is)
    if isinstance(operation, (ast.In, ast.NotIn)) and isinstance(other, (tuple, list, set)):
        return (known.value in other) is isinstance(operation, ast.In)
    return None


def _given(w: Walker, asked: ast.expr) -> Const | None:
    """The constant that a parameter, or an attribute that is set once, has for all of the thread."""
    if isinstance(asked, ast.Name):
        if not _is_kept_parameter(w.stack[-1], asked.id):
            return None
    elif isinstance(asked, ast.Attribute) and isinstance(asked.value, ast.Name) and asked.value.id == "self":
        attributes = (n for n in ast.walk(w.module.source.tree) if isinstance(n, ast.Attribute))
        if sum(n.attr == asked.attr and not isinstance(n.ctx, ast.Load) for n in attributes) != 1:
            return None
    else:
        return None
    options = alternatives(w.evaluate(asked))
    found = options[0] if len(options) == 1 else None
    if not isinstance(found, Const) or found.partial or not isinstance(found.value, _PLAIN):
        return None
    w.world.writes += 1  # the same function with another constant does something else
    return found


def _is_kept_parameter(function: ast.AST, name: str) -> bool:
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        return False
    given = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    changed = any(
        isinstance(n, ast.Name) and n.id == name and not isinstance(n.ctx, ast.Load)
        or isinstance(n, (ast.Global, ast.Nonlocal)) and name in n.names
        for n in ast.walk(function)
    )  # fmt: skip
    return name in [a.arg for a in given] and not changed


def are_given(tree: ast.Module, turn: list[ast.AST], target: ast.expr, items: list[Value]) -> bool:
    """Whether the turns of a loop start threads with a constant each, for one of which somebody asks.

    Threads: the reader's own; does not block.
    """
    values = [i.value for i in items if isinstance(i, Const) and not i.partial and isinstance(i.value, _PLAIN)]
    if not isinstance(target, ast.Name) or len(values) < len(items) or not any(_starts(p, target.id) for p in turn):
        return False
    asked = [n.comparators[0] for n in ast.walk(tree) if isinstance(n, ast.Compare)]
    asked += [n.value for n in ast.walk(tree) if isinstance(n, ast.MatchValue)]
    return any(isinstance(one, ast.Constant) and one.value in values for one in asked)


def _starts(turn: ast.AST, name: str) -> bool:
    for call in (n for n in ast.walk(turn) if isinstance(n, ast.Call)):
        called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        if called in _STARTERS and any(isinstance(n, ast.Name) and n.id == name for g in given for n in ast.walk(g)):
            return True
    return False
