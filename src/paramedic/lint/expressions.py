"""Expressions: what each kind of node may evaluate to."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from paramedic.lint import (
    attributes,
    builtin_calls,
    calls,
    carried,
    classes,
    concurrency,
    containers,
    definitions,
    loops,
    ranks,
    repetition,
    roles,
    shell,
)
from paramedic.lint.values import (
    Collection,
    Const,
    External,
    Instance,
    Obj,
    Unknown,
    Value,
    alternatives,
    choose,
    number_of,
    text_of,
)

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker


def _name(w: Walker, node: ast.Name) -> Value:
    name = node.id
    found = w.scope.lookup(name)
    if found is not None:
        if w.context.parent is not None and type(found) is Const and found.value is None:
            _look_again(w, name)
        return found
    if name == "__name__":
        return Const(w.module.name)
    if name in classes.BUILTINS:
        return External(f"builtins.{name}")
    for star in definitions.star_imports(w.module):
        if star in classes.PACKAGES:
            path = classes.star_member(star, name)
            if path is not None:
                return External(path)
    fresh = Unknown(name)
    return fresh


def _look_again(w: Walker, name: str) -> None:
    """Notes that a thread found a global empty which some other function may fill."""
    top = w.scope.module_scope()
    if name in top.names and all(name not in scope.names for scope in w.scope.up_to(top)):
        w.world.came_for(lambda: sum(map(repetition.matters, top.ever.get(name, ()))), w.context)


def _attribute(w: Walker, node: ast.Attribute) -> Value:
    return attributes.read(w, w.evaluate(node.value), node.attr, node)


def _call(w: Walker, node: ast.Call) -> Value:
    return calls.from_node(w, node)


def _sequence(w: Walker, node: ast.Tuple | ast.List | ast.Set) -> Value:
    items: list[Value] = []
    rest: list[Value] = []
    length: int | None = 0
    for item in node.elts:
        if isinstance(item, ast.Starred):
            for option in alternatives(w.evaluate(item.value)):
                if isinstance(option, Collection):
                    items.extend(option.items)
                    rest.extend([*option.keyed.values(), *option.rest])
                    length = None if length is None or option.length is None else length + option.length
                else:
                    length = None
        else:
            items.append(w.evaluate(item))
            length = None if length is None else length + 1
    made = Collection(items, rest=rest, length=length)
    if not node.elts:
        made.begun = (w.loops, tuple(w.path))
    return made


def _dict(w: Walker, node: ast.Dict) -> Value:
    result = Collection(length=len(node.keys))
    for key, value in zip(node.keys, node.values, strict=True):
        held = w.evaluate(value)
        if key is None:
            for option in alternatives(held):
                if isinstance(option, Collection):
                    result.keyed.update(option.keyed)
                    result.rest.extend(option.rest)
            continue
        name = w.evaluate(key)
        if isinstance(name, Const) and isinstance(name.value, (str, int)):
            result.keyed[name.value] = held
        else:
            result.rest.append(held)
    return result


def _comprehension(w: Walker, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Value:
    return loops.comprehension(w, node)


def _lambda(w: Walker, node: ast.Lambda) -> Value:
    return definitions.function(w, node)


def _either(w: Walker, node: ast.IfExp) -> Value:
    w.evaluate(node.test)
    role = roles.settled(w, node.test)
    if role is not None:
        return w.evaluate(node.body if role else node.orelse)
    with carried.doubting(w, [node.test]):
        arms = [w.evaluate(node.body), w.evaluate(node.orelse)]
    if isinstance(node.test, ast.Compare) and isinstance(node.test.ops[0], (ast.Lt, ast.LtE, ast.Gt, ast.GtE)):
        one, other = (v if isinstance(v, Collection) and not v.rest else None for v in arms)
        if one is not None and other is not None and one.items == other.items[::-1]:
            return builtin_calls.in_one_order(one)  # the smaller one first, whichever that is
    return choose(arms)


def _boolean(w: Walker, node: ast.BoolOp) -> Value:
    values = []
    for position, value in enumerate(node.values):
        with carried.doubting(w, node.values[:position]):
            values.append(w.evaluate(value))
    rank = ranks.joined(node.op, values)
    return choose(values) if rank is None else Unknown(rank=rank)


def _named(w: Walker, node: ast.NamedExpr) -> Value:
    value = w.evaluate(node.value)
    w.scope.assign(node.target.id, value)
    return value


def _await(w: Walker, node: ast.Await) -> Value:
    inner = node.value
    w.awaited = inner
    value = w.evaluate(inner)
    return concurrency.awaited(w, value, node)


def _yield(w: Walker, node: ast.Yield | ast.YieldFrom) -> Value:
    inner = node.value
    value = w.evaluate(inner) if inner is not None else Const(None)
    if isinstance(node, ast.YieldFrom):
        value = loops.element(w, value, w.world.number(), node)
    if w.on_yield is not None:
        w.on_yield(value)
    return Unknown()


def _subscript(w: Walker, node: ast.Subscript) -> Value:
    holder = w.evaluate(node.value)
    key = w.evaluate(node.slice)
    if isinstance(node.slice, ast.Slice):
        return _part(w, holder, node.slice)
    found = []
    for option in alternatives(holder):
        if isinstance(option, Collection):
            option.read = True
            w.world.came_for(lambda one=option: len(one.everything()), w.context)  # type: ignore[misc]
            found.append(_item(w, option, key, node))
        elif isinstance(option, External):
            found.append(option)
    given = containers.through_dunder(w, holder, "__getitem__", [key], node)
    if given is not None:
        found.append(given)
    return choose(found) if found else Unknown(loops=getattr(holder, "loops", ()))


def _part(w: Walker, holder: Value, part: ast.Slice) -> Value:
    """``items[first : first + 5]``, ``items[:5]``: the same items, but no more than five of them."""
    upper, lower = part.upper, part.lower
    if lower is not None and isinstance(upper, ast.BinOp) and isinstance(upper.op, ast.Add):
        width = upper.right if ast.dump(upper.left) == ast.dump(lower) else None
    else:
        width = upper if lower is None else None
    most = number_of(w.evaluate(width)) if width is not None else None
    if most is None or most < 0 or not isinstance(holder, Collection):
        return holder
    length = int(most) if holder.length is None else min(int(most), holder.length)
    if len(holder.items) <= most:
        return Collection(holder.items, holder.keyed, holder.rest, length)
    if lower is None:
        return Collection(holder.items[: int(most)], length=length)
    return Collection(rest=[*holder.items, *holder.rest], length=length)


def _item(w: Walker, holder: Collection, key: Value, node: ast.Subscript) -> Value:
    if isinstance(key, Const):
        if isinstance(key.value, (str, int)) and key.value in holder.keyed:
            return holder.keyed[key.value]
        if isinstance(key.value, int) and not holder.rest and -len(holder.items) <= key.value < len(holder.items):
            return holder.items[key.value]
    named = isinstance(key, Const) and isinstance(key.value, str) and not key.partial and not holder.rest
    if holder.missing is not None and named and isinstance(key, Const):
        made = holder.keyed[key.value] = calls.call(w, holder.missing, [], {}, node)
        attributes.share(w, made, ())
        return made
    if holder.missing is not None and not holder.everything():
        made = calls.call(w, holder.missing, [], {}, node)
        holder.rest.append(made)
        containers.keep(holder, made, w.world.next_moment())
        attributes.share(w, made, ())
    several = len(holder.everything()) > 1 or holder.length != 1
    found: list[Value] = []
    for value in holder.everything():
        apart = isinstance(value, Obj) and (several or bool(set(value.loops) - set(w.loops)))
        if apart and isinstance(value, Obj):
            tag = ("item", ast.dump(node.slice), id(w.context))
            found.append(value.view(tag, value.loops, uncertain=not isinstance(key, Const)))
        else:
            found.append(loops.as_one_of(value, ("item", id(w.context)), w.loops, distinct=several))
    return choose(found) if found else Unknown(loops=w.loops)


_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
}


def _arithmetic(w: Walker, node: ast.BinOp) -> Value:
    left, right = w.evaluate(node.left), w.evaluate(node.right)
    if isinstance(node.op, (ast.Mod, ast.Add)):
        text = text_of(left)
        if isinstance(node.op, ast.Mod) and text is not None:
            return Const(text, partial=True)
        other = text_of(right)
        if text is not None or other is not None:
            known = isinstance(left, Const) and isinstance(right, Const) and not left.partial and not right.partial
            missing = shell.UNSEEN
            return Const((missing if text is None else text) + (missing if other is None else other), partial=not known)
    if isinstance(node.op, ast.Mult):
        repeated = _repeated(left, right) or _repeated(right, left)
        if repeated is not None:
            return repeated
    if isinstance(node.op, ast.Add) and isinstance(left, Collection) and isinstance(right, Collection):
        known_length = left.length + right.length if left.length is not None and right.length is not None else None
        return Collection([*left.items, *right.items], rest=[*left.rest, *right.rest], length=known_length)
    if isinstance(node.op, ast.BitOr) and (isinstance(left, External) or isinstance(right, External)):
        return choose([left, right])
    a, b = number_of(left), number_of(right)
    compute = _ARITHMETIC.get(type(node.op))
    if a is not None and b is not None and compute is not None:
        try:
            return Const(compute(a, b))
        except (ArithmeticError, ValueError):
            return Unknown()
    return Unknown(loops=(*getattr(left, "loops", ()), *getattr(right, "loops", ())))


def _repeated(sequence: Value, times: Value) -> Value | None:
    count = number_of(times)
    if isinstance(sequence, Collection):
        known = int(count * sequence.length) if count is not None and sequence.length is not None else None
        if len(sequence.items) > 1 and count != 1:  # each of them comes again
            return Collection(rest=[*sequence.items, *sequence.rest], length=known)
        return Collection(list(sequence.items), rest=list(sequence.rest), length=known)
    if isinstance(sequence, Const) and isinstance(sequence.value, (str, bytes)):
        return Const(sequence.value, partial=True)
    return None


def _formatted(w: Walker, node: ast.JoinedStr) -> Value:
    parts = []
    known = True
    spread: tuple[int, ...] = ()
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
        elif isinstance(part, ast.FormattedValue):
            value = w.evaluate(part.value)
            text = text_of(value)
            spread = (*spread, *getattr(value, "loops", ()))
            known = known and text is not None
            parts.append(text if text is not None else shell.UNSEEN)
    if spread and not any(p.strip(shell.UNSEEN + " ") for p in parts):
        return Unknown(loops=spread)
    return Const("".join(parts), partial=not known)


def _unary(w: Walker, node: ast.UnaryOp) -> Value:
    value = w.evaluate(node.operand)
    number = number_of(value)
    if number is not None and isinstance(node.op, ast.USub):
        return Const(-number)
    return ranks.negated(value) if isinstance(node.op, ast.Not) else Unknown()


def _compare(w: Walker, node: ast.Compare) -> Value:
    left = w.evaluate(node.left)
    for operation, other in zip(node.ops, node.comparators, strict=True):
        holder = w.evaluate(other)
        if isinstance(operation, (ast.In, ast.NotIn)) and isinstance(holder, Instance):
            containers.through_dunder(w, holder, "__contains__", [left], node)
    return ranks.compared(node.ops[0], left, holder) if len(node.ops) == 1 else Unknown()


def _slice(w: Walker, node: ast.Slice) -> Value:
    for part in (node.lower, node.upper, node.step):
        if part is not None:
            w.evaluate(part)
    return Unknown()


def _starred(w: Walker, node: ast.Starred) -> Value:
    return w.evaluate(node.value)


READERS: dict[type[ast.AST], Callable[[Walker, Any], Value]] = {
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Call: _call,
    ast.Tuple: _sequence,
    ast.List: _sequence,
    ast.Set: _sequence,
    ast.Dict: _dict,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.DictComp: _comprehension,
    ast.Lambda: _lambda,
    ast.IfExp: _either,
    ast.BoolOp: _boolean,
    ast.NamedExpr: _named,
    ast.Await: _await,
    ast.Yield: _yield,
    ast.YieldFrom: _yield,
    ast.Subscript: _subscript,
    ast.BinOp: _arithmetic,
    ast.JoinedStr: _formatted,
    ast.UnaryOp: _unary,
    ast.Starred: _starred,
    ast.Compare: _compare,
    ast.Slice: _slice,
}
"""How each kind of node is read; kinds that are not here give nothing that matters."""
