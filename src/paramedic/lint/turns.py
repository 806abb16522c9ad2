"""Loops that only sleep until something is so: what they ask, and who makes it so, puts threads in an order."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from paramedic.lint import concurrency
from paramedic.lint.values import Const, Function, Instance, Obj, alternatives

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker


def waited(w: Walker, node: ast.While, *, breaks: bool) -> None:
    """Notes what a loop has waited for: an event, the end of a thread; if it only sleeps, a flag, a turn.

    Args:
        w: who waits.
        node: the loop.
        breaks: whether it may be left before that.

    Threads: the reader's own; does not block.
    """
    if not breaks:  # whatever is done meanwhile
        for call, negated in _questions(node.test):
            if isinstance(call.func, ast.Attribute) and call.func.attr in {"is_set", "wait", "is_alive", "done"}:
                for asked in alternatives(w.evaluate(call.func.value)):
                    obj = asked.native if isinstance(asked, Instance) else asked
                    if isinstance(obj, Obj):
                        _ended(w, obj, call.func.attr, negated, node)
        for condition in _conditions(w, node):
            asked_for(w, condition, node.test)
            w.record(condition, "wait_for", frozenset({"wait-signal", "blocks"}), node)
    if not all(map(_only_sleeps, node.body)):
        return  # who waits for a condition there asks for what is under its lock
    if any(isinstance(n, (ast.Gt, ast.GtE)) for n in ast.walk(node.test)):
        return  # a count of those who are inside lets several in
    for name in _state(w, node.test, deep=True):
        flag = w.world.polled.get(name)
        if flag is None:
            flag = w.world.polled[name] = w.make("lock", node)
            flag.loops = ()
            flag.parts["__polled"] = Const(True)
        w.record(flag, "wait", frozenset({"wait-signal"}), node)


def stored(w: Walker, target: ast.expr) -> None:
    """Notes that something is changed for which a loop elsewhere waits.

    Threads: the reader's own; does not block.
    """
    if isinstance(target, (ast.Tuple, ast.List)):
        return
    for name in _state(w, target, deep=False):
        flag = w.world.polled.get(name)
        if flag is not None:
            w.record(flag, "set", frozenset({"give-signal"}), target)


def asked_for(w: Walker, condition: Obj, test: ast.AST) -> None:
    """Notes what is asked by who waits for a condition.

    Threads: the reader's own; does not block.
    """
    w.world.conditions.setdefault(id(condition.root), set()).update(_state(w, test, deep=True))


def flagged(w: Walker, target: ast.expr, is_raised: bool) -> None:
    """Notes that a flag is set, or is taken back, for which somebody may wait at a condition.

    Threads: the reader's own; does not block.
    """
    if isinstance(target, ast.Attribute):
        name = target.attr
    elif isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        name = str(target.slice.value)
    elif isinstance(target, ast.Name) and (w.scope.parent is None or target.id in w.scope.declared):
        name = target.id
    else:
        return
    flag = w.world.flags.get(name)
    if flag is None:
        flag = w.world.flags[name] = w.make("flag", target)
        flag.loops = ()
    w.record(flag, "set", frozenset({"raised" if is_raised else "lowered"}), target)


def _conditions(w: Walker, node: ast.While) -> Iterator[Obj]:
    """The conditions at which each turn of a loop waits: ``while not done: condition.wait()``."""
    for statement in node.body:
        call = statement.value if isinstance(statement, ast.Expr) else None
        call = call.value if isinstance(call, ast.Await) else call
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "wait":
            for option in alternatives(w.evaluate(call.func.value)):
                if isinstance(option, Obj) and option.kind == "lock":
                    yield option


def _only_sleeps(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr):
        value = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
        if isinstance(value, ast.Call):
            called = value.func
            return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) == "sleep"
    return isinstance(statement, (ast.Pass, ast.Continue))


def _questions(test: ast.expr, negated: bool = False) -> Iterator[tuple[ast.Call, bool]]:
    """The calls of which a test is made, each with whether the loop goes on where it says no."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield from _questions(test.operand, not negated)
    elif isinstance(test, ast.Call):
        yield test, negated
    elif isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):  # with `and`, any one of them ends the loop
        for part in test.values:
            yield from _questions(part, negated)


def _ended(w: Walker, obj: Obj, question: str, negated: bool, node: ast.AST) -> None:
    if question in {"is_set", "wait"} and negated and obj.kind == "event":
        w.record(obj, "wait", frozenset({"wait-signal"}), node)
    elif question == "is_alive" and not negated and obj.kind == "thread":
        concurrency.join(w, obj)
    elif question == "done" and negated and obj.kind == "future":
        concurrency.join(w, obj)


def _state(w: Walker, node: ast.AST, *, deep: bool) -> set[str]:
    """The names of what threads may share in an expression: globals, attributes, keys; in functions of it, too."""
    found: set[str] = set()
    for one in ast.walk(node):
        if isinstance(one, ast.Attribute):
            found.add(one.attr)
        elif isinstance(one, ast.Name) and (w.scope.parent is None or one.id not in w.scope.names):
            found.add(one.id)
        elif isinstance(one, ast.Subscript) and isinstance(one.slice, ast.Constant):
            found.add(str(one.slice.value))
        if deep and isinstance(one, ast.Call):
            found.update(str(a.value) for a in one.args if isinstance(a, ast.Constant))
            for option in alternatives(w.evaluate(one.func)):
                if isinstance(option, Function):
                    found |= _state(w, option.node, deep=False)
    return found
