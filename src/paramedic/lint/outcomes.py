"""What a condition says of a variable whose value is known in part: true, false, or None for what cannot be told.

Threads: pure.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from paramedic.lint.passages import name_of

Condition = list[tuple[ast.expr, bool]]
"""Expressions, each with what it must be: all of them."""
UNKNOWN = object()
_MAKERS = frozenset("list set dict deque tuple OrderedDict defaultdict Counter frozenset bytearray".split())
_COMPARED: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not,
}  # fmt: skip
_TAKEN_AS_THEY_ARE = frozenset(("bool", "list", "tuple", "set", "sorted", "is_set", "get", "locked", "copy"))
ALL = frozenset(("all", "any"))
_MORE = frozenset("append appendleft add insert put put_nowait set extend update setdefault".split())
_LESS = frozenset("remove discard pop popleft popitem clear get_nowait".split())


@dataclass(frozen=True, slots=True)
class Sized:
    """A container.

    Attributes:
        least: so much is in it, or more.
        exact: whether it is not more.
    """

    least: int
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Change:
    """What a statement does to a variable.

    Attributes:
        how: "set", "add", "subtract", "more", "less", or "somehow".
        value: what is set, or added.
        node: the statement's part.
    """

    how: str
    value: ast.expr | None
    node: ast.AST


Value = Callable[[ast.expr], Any]
"""What an expression is that is the variable, or a constant by name; UNKNOWN if it is neither."""


def ways(test: ast.expr, truth: bool) -> list[Condition]:
    """The conditions of which one must hold so that a test is true, or false."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return ways(test.operand, not truth)
    if isinstance(test, ast.NamedExpr):
        return ways(test.value, truth)
    if isinstance(test, ast.BoolOp):
        each = [ways(value, truth) for value in test.values]
        if isinstance(test.op, ast.Or) == truth:
            return [way for some in each for way in some]
        if all(len(some) == 1 for some in each):
            return [[atom for (way,) in each for atom in way]]
    return [[(test, truth)]]


def holds(condition: Condition, value: Value) -> bool | None:
    """Whether all of it is so."""
    found = [_is(expression, truth, value) for expression, truth in condition]
    return False if False in found else None if None in found else True


def made(value: ast.expr | None, known: Value) -> Any:
    """What an expression is."""
    if value is None:
        return UNKNOWN
    if isinstance(value, ast.Constant):  # stores give texts back as bytes
        return value.value.decode("latin-1") if isinstance(value.value, bytes) else value.value
    if isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub):
        inner = made(value.operand, known)
        return -inner if isinstance(inner, int | float) else UNKNOWN
    if isinstance(value, ast.List | ast.Set | ast.Tuple):
        return Sized(len(value.elts), not any(isinstance(e, ast.Starred) for e in value.elts))
    if isinstance(value, ast.Dict):
        return Sized(len(value.keys))
    if isinstance(value, ast.Call) and name_of(value.func) in _MAKERS:
        return made(value.args[0], known) if value.args else Sized(0)
    if isinstance(value, ast.Call) and name_of(value.func) == "Event":
        return False
    if isinstance(value, ast.BinOp):
        return _calculated(value, made(value.left, known), made(value.right, known))
    return known(value)


def changed(state: Any, change: Change, known: Value) -> Any:
    """What is there after a change."""
    if change.how == "set":
        return made(change.value, known)
    amount = made(change.value, known) if change.how in ("add", "subtract") else UNKNOWN
    if change.how == "more":
        return (
            Sized(state.least + 1, state.exact)
            if isinstance(state, Sized)
            else True
            if state is False
            else Sized(1, False)
        )
    if change.how == "less":
        return Sized(max(state.least - 1, 0), state.exact) if isinstance(state, Sized) else UNKNOWN
    numbers = isinstance(state, int | float) and isinstance(amount, int | float)
    if change.how == "add" and numbers:
        return state + amount
    return state - amount if change.how == "subtract" and numbers else UNKNOWN


def change_of(node: ast.AST, speaks: Callable[[ast.expr], bool], is_item: bool) -> Iterator[Change]:
    """What a node does to a variable.

    Args:
        node: a statement or an expression, of which parts are asked for, too.
        speaks: whether an expression is the variable.
        is_item: whether the variable is an item of a container.
    """
    if isinstance(node, ast.AugAssign) and speaks(node.target):
        how = {ast.Add: "add", ast.Sub: "subtract"}.get(type(node.op), "somehow")
        yield Change(how if is_item or not isinstance(node.target, ast.Subscript) else "somehow", node.value, node)
    elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Tuple | ast.List):
                if any(map(speaks, target.elts)):
                    yield Change("somehow", None, node)
            elif isinstance(target, ast.Subscript) and (not is_item or not isinstance(target.slice, ast.Constant)):
                if speaks(target.value):
                    yield Change("somehow" if is_item else "more", None, node)
            elif speaks(target):
                yield Change("set", node.value, node)
    elif isinstance(node, ast.Delete) and any(isinstance(t, ast.Subscript) and speaks(t.value) for t in node.targets):
        yield Change("less", None, node)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and speaks(node.func.value):
        name = node.func.attr
        yield Change("more" if name in _MORE else "less" if name in _LESS else "somehow", None, node)
    elif isinstance(node, ast.Call) and any(map(speaks, node.args)):
        yield Change("somehow", None, node)


def _calculated(value: ast.BinOp, left: Any, right: Any) -> Any:
    if isinstance(left, Sized) and isinstance(right, int) and isinstance(value.op, ast.Mult):
        return Sized(left.least * right, left.exact)
    if not (isinstance(left, int | float) and isinstance(right, int | float)):
        return UNKNOWN
    kinds: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
        ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    }  # fmt: skip
    return kinds[type(value.op)](left, right) if type(value.op) in kinds else UNKNOWN


def _is(expression: ast.expr, truth: bool, value: Value) -> bool | None:
    if isinstance(expression, ast.UnaryOp) and isinstance(expression.op, ast.Not):
        return _is(expression.operand, not truth, value)
    if isinstance(expression, ast.BoolOp):
        each = [_is(part, True, value) for part in expression.values]
        decisive = isinstance(expression.op, ast.Or)
        found = decisive if decisive in each else None if None in each else not decisive
    elif isinstance(expression, ast.Compare) and len(expression.ops) == 1:
        found = _compares(expression, value)
    elif (each_one := _of_each(expression)) is not None:
        return _is(each_one, truth, value)  # so it is for one of them; whether all are meant: see `Variable.counts`
    else:
        found = _truth(_valued(expression, value))
    return None if found is None else found == truth


def _of_each(expression: ast.expr) -> ast.expr | None:
    """What ``all(… for job in jobs)`` or ``any(…)`` asks of each of them; None if it asks something else.

    Threads: pure.
    """
    if not isinstance(expression, ast.Call) or name_of(expression.func) not in ALL or len(expression.args) != 1:
        return None
    asked = expression.args[0]
    if not isinstance(asked, ast.GeneratorExp | ast.ListComp | ast.SetComp):
        return None
    return asked.elt if len(asked.generators) == 1 and not asked.generators[0].ifs else None


def _compares(expression: ast.Compare, value: Value) -> bool | None:
    left, right = (_valued(e, value) for e in (expression.left, expression.comparators[0]))
    among, within = expression.ops[0], expression.comparators[0]
    if isinstance(among, ast.In | ast.NotIn) and isinstance(within, ast.Tuple | ast.List | ast.Set):
        every = [_valued(e, value) for e in within.elts]
        if any(side is UNKNOWN or isinstance(side, Sized) for side in (left, *every)):
            return None
        return (left in every) == isinstance(among, ast.In)
    compare = _COMPARED.get(type(expression.ops[0]))
    if compare is None or any(side is UNKNOWN or isinstance(side, Sized) for side in (left, right)):
        return None
    try:
        return bool(compare(left, right))
    except TypeError:
        return None


def _valued(expression: ast.expr, value: Value) -> Any:
    known = value(expression)
    if known is not UNKNOWN:
        return known
    if isinstance(expression, ast.Call):
        name = name_of(expression.func)
        inner = expression.args[0] if expression.args else None
        if isinstance(expression.func, ast.Attribute):
            inner = expression.func.value if name in _TAKEN_AS_THEY_ARE else None
        if inner is not None and name in _TAKEN_AS_THEY_ARE:
            return _valued(inner, value)
        if inner is not None and name == "len":
            size = _valued(inner, value)
            return size.least if isinstance(size, Sized) and size.exact else UNKNOWN
        return UNKNOWN
    return made(expression, value)


def _truth(value: Any) -> bool | None:
    if isinstance(value, Sized):
        return True if value.least else False if value.exact else None
    return None if value is UNKNOWN else bool(value)
