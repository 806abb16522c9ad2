"""Loops and comprehensions: a body is read once, and what it makes is marked as one per turn."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from paramedic.lint import api, blocks, calls, carried, concurrency, ranks, roles, turns
from paramedic.lint.values import (
    Bound,
    Collection,
    Const,
    Function,
    Instance,
    Loops,
    Obj,
    Partial,
    Unknown,
    Value,
    alternatives,
    choose,
    native_objects,
)

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker


def _for(w: Walker, node: ast.For | ast.AsyncFor) -> bool:
    source = w.evaluate(node.iter)
    known = one_by_one(source) or _roles(w, source, [*node.body], node.target) or _keys(source, node)
    if known is not None:
        for item in known:
            blocks.bind(w, node.target, item)
            w.block(node.body)
        w.block(node.orelse)
        return False
    number = w.world.number()
    names = dict(w.scope.names)
    w.world.loop_sizes[number] = size(source)
    _note_retry(w, node, number)
    with w.looping(number), carried.turn(w, node, number):
        blocks.bind(w, node.target, element(w, source, number, node.iter))
        w.block(node.body)
    concurrency.end_of_loop(w, source)
    _after(w, names)
    w.block(node.orelse)
    return False


def _note_retry(w: Walker, node: ast.For | ast.AsyncFor | ast.While, number: int) -> None:
    """A loop that is left as soon as something worked does that something once."""
    ends = w.world.ending_loops.get(id(node))
    if ends is None:
        ends = _has_statement(node.body, (ast.Break, ast.Return))
        w.world.ending_loops[id(node)] = ends
    if ends:
        w.world.retries.add(number)
        if _leaves_at_last(node.body):
            w.world.once.add(number)


def _leaves_at_last(statements: list[ast.stmt]) -> bool:
    """Whether a turn that gets to its end without an error is the last one."""
    last = statements[-1]
    if isinstance(last, ast.Try):
        return _leaves_at_last(last.orelse or last.body)
    if isinstance(last, (ast.With, ast.AsyncWith)):
        return _leaves_at_last(last.body)
    return isinstance(last, (ast.Break, ast.Return))


def _has_statement(statements: list[ast.stmt], kinds: tuple[type[ast.stmt], ...]) -> bool:
    """Whether a block has such a statement, however deep; expressions, of which there are many more, have none."""
    waiting: list[ast.AST] = [*statements]
    while waiting:
        node = waiting.pop()
        if isinstance(node, kinds):
            return True
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            waiting.extend(getattr(node, name, ()))
    return False


MOST_UNROLLED = 4


def one_by_one(source: Value, *, all_kinds: bool = False) -> list[Value] | None:
    """The items of a short list that is written out, where each is something to follow; such loops are unrolled.

    Threads: the reader's own; does not block.
    """
    options = alternatives(source)
    if len(options) != 1 or not isinstance(options[0], Collection):
        return None
    found = options[0]
    if found.rest or found.keyed or not 1 <= len(found.items) <= MOST_UNROLLED or found.length != len(found.items):
        return None
    if not all_kinds and not all(_worth_following(item) for item in found.items):
        return None
    found.read = True
    return list(found.items)


def _roles(w: Walker, source: Value, turn: list[ast.AST], target: ast.expr) -> list[Value] | None:
    """The constants of a short list that is written out, where each is what a thread is started as."""
    items = one_by_one(source, all_kinds=True)
    return items if items is not None and roles.are_given(w.module.source.tree, turn, target, items) else None


def _keys(source: Value, node: ast.For | ast.AsyncFor) -> list[Value] | None:
    """The constants of a short list by which a loop takes locks, one by one: ``enter_context(locks[name])``."""
    items = one_by_one(source, all_kinds=True) if isinstance(node.target, ast.Name) else None
    if not items or not all(isinstance(item, Const) and not item.partial for item in items):
        return None
    name = node.target.id  # type: ignore[attr-defined]
    calls = [n for one in node.body for n in ast.walk(one) if isinstance(n, ast.Call)]
    called = [c for c in calls if isinstance(c.func, ast.Attribute) and c.func.attr in {"acquire", "enter_context"}]
    keys = (n.slice for c in called for n in ast.walk(c) if isinstance(n, ast.Subscript))
    return items if any(isinstance(key, ast.Name) and key.id == name for key in keys) else None


def _worth_following(item: Value) -> bool:
    if isinstance(item, Collection):
        return any(_worth_following(i) for i in item.items)
    return isinstance(item, (Obj, Instance, Bound, Function, Partial))


def _while(w: Walker, node: ast.While) -> bool:
    number = w.world.number()
    names = dict(w.scope.names)
    _note_retry(w, node, number)
    with w.looping(number), carried.turn(w, node, number):
        w.evaluate(node.test)
        w.block(node.body)
    _after(w, names)
    breaks = _has_statement(node.body, (ast.Break,))
    turns.waited(w, node, breaks=breaks)
    if not breaks:
        carried.entered(w, node.test, False)
    w.block(node.orelse)
    endless = isinstance(node.test, ast.Constant) and bool(node.test.value)
    return endless and not breaks


def _after(w: Walker, names: dict[str, Value]) -> None:
    """A loop may take no turn at all."""
    for name, value in names.items():
        current = w.scope.names.get(name)
        if current is not None and current is not value:
            w.scope.names[name] = choose([current, value])


READERS: dict[type[ast.AST], Callable[[Walker, Any], bool]] = {
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.While: _while,
}


def comprehension(w: Walker, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Value:
    """What a comprehension gives: a collection of one item per turn.

    Threads: the reader's own; does not block.
    """
    first = w.evaluate(node.generators[0].iter)
    if len(node.generators) == 1 and not node.generators[0].ifs:
        turn = node.value if isinstance(node, ast.DictComp) else node.elt
        known = one_by_one(first) or _roles(w, first, [turn], node.generators[0].target)
        if known is not None:
            kept_names = dict(w.scope.names)
            made = []
            for item in known:
                blocks.bind(w, node.generators[0].target, item)
                made.append(w.evaluate(turn))
            w.scope.names = kept_names
            gathered = Collection(made, length=len(made))
            for obj in (o for value in made for o in native_objects(value)):
                obj.root.parts["__kept"] = gathered
            return gathered
    before = w.loops
    length: int | None = None
    names = dict(w.scope.names)
    for number_of_generator, generator in enumerate(node.generators):
        source = w.evaluate(generator.iter) if number_of_generator else first
        if number_of_generator == 0 and not generator.ifs and len(node.generators) == 1:
            length = size(source)
        number = w.world.number()
        w.loops = (*w.loops, number)
        w.world.loop_sizes[number] = size(source)
        blocks.bind(w, generator.target, element(w, source, number, generator.iter))
        concurrency.end_of_loop(w, source)
        for test in generator.ifs:
            w.evaluate(test)
    if isinstance(node, ast.DictComp):
        key = w.evaluate(node.key)
        item = w.evaluate(node.value)
        if native_objects(key):
            item = key
    else:
        item = w.evaluate(node.elt)
    w.loops = before
    w.scope.names = names
    result = Collection(rest=[item], length=length)
    for obj in native_objects(item):
        obj.root.parts["__kept"] = result
    return result


def size(value: Value) -> int | None:
    """How many turns a loop over the value takes, where that is known.

    Threads: the reader's own; does not block.
    """
    options = alternatives(value)
    if len(options) != 1:
        return None
    if isinstance(options[0], Collection):
        return options[0].length
    return None


def element(w: Walker, source: Value, number: int, node: ast.AST) -> Value:
    """One item of what is iterated over, as the turn of the loop of that number has it.

    Threads: the reader's own; does not block.
    """
    found: list[Value] = []
    for option in alternatives(source):
        if isinstance(option, Collection):
            option.read = True
            w.world.came_for(lambda one=option: len(one.everything()), w.context)  # type: ignore[misc]
            items = [_item(w, option, item, number) for item in option.everything()]
            counted = isinstance(option, ranks.Counted)
            found.extend(ranks.numbered(option, items, number, w.loops) if counted else items)  # type: ignore[arg-type]
        elif isinstance(option, Obj):
            found.append(_of_object(w, option, node))
        elif isinstance(option, Instance):
            found.append(_of_instance(w, option, node))
        elif isinstance(option, Bound):
            found.append(calls.call(w, option, [], {}, node))
    return choose(found) if found else Unknown(loops=w.loops)


def _of_instance(w: Walker, source: Instance, node: ast.AST) -> Value:
    """One item of an object of the tree, by whichever of the protocols its class has."""
    if isinstance(source.cls.find("__iter__"), Function):
        items = calls.call_method(w, source, "__iter__", [], {}, node)
        if not any(isinstance(o, Instance) and o.cls is source.cls for o in alternatives(items)):
            return element(w, items, w.world.number(), node)
    for name, args in (("__next__", []), ("__getitem__", [Unknown(loops=w.loops)])):
        if isinstance(source.cls.find(name), Function):
            return calls.call_method(w, source, name, list(args), {}, node)
    return Unknown(loops=w.loops)


def _of_object(w: Walker, source: Obj, node: ast.AST) -> Value:
    if source.kind in api.STREAMS or source.kind == "sftpfile":
        entry = api.METHODS[source.kind].get("__iter__")
        if entry is not None:
            w.record(source, "__iter__", entry.effects, node)
        return Unknown()
    if source.kind in {"iterator", "completed", "results"}:
        return concurrency.take(w, source, node)
    return Unknown()


def _item(w: Walker, source: Collection, item: Value, number: int) -> Value:
    return as_one_of(
        item,
        number,
        w.loops,
        distinct=_comes_once(source, item),
        siblings=tuple(source.items),
    )


def _comes_once(source: Collection, item: Value) -> bool:
    """Whether one of several items that are written out is nowhere else among them."""
    among = [option for one in (*source.items, *source.keyed.values(), *source.rest) for option in alternatives(one)]
    several = len(source.items) + len(source.rest) > 1
    return several and any(item is i for i in source.items) and sum(item is one for one in among) == 1


def as_one_of(
    item: Value, tag: object, loops: Loops, *, distinct: bool, siblings: tuple[Value, ...] = (), owned: bool = False
) -> Value:
    """An item as one turn, thread or owner has it.

    An item that was made in a loop that has ended is another one each turn; so is each of several known ones.

    Threads: the reader's own; does not block.
    """
    options = alternatives(item)
    if len(options) > 1:
        return choose([as_one_of(o, tag, loops, distinct=distinct, siblings=siblings, owned=owned) for o in options])
    item = options[0]
    if isinstance(item, Obj):
        spread = set(item.loops) - set(loops)
        if owned or spread or distinct:
            return item.view(tag, (*item.loops, *(n for n in loops if n not in item.loops)), owned=owned)
        return item
    if isinstance(item, Instance):
        apart = frozenset(set(item.loops) - set(loops))
        if owned or apart or distinct:
            wider = (*item.loops, *(n for n in loops if n not in item.loops))
            return item.view(tag, wider, apart, tuple(s for s in siblings if s is not item), owned=owned)
        return item
    if isinstance(item, Collection):
        inner = [as_one_of(i, tag, loops, distinct=distinct, owned=owned) for i in item.items]
        keyed = {k: as_one_of(v, tag, loops, distinct=distinct, owned=owned) for k, v in item.keyed.items()}
        rest = [as_one_of(i, tag, loops, distinct=distinct, owned=owned) for i in item.rest]
        same = all(a is b for a, b in zip([*inner, *rest], [*item.items, *item.rest], strict=True))
        return item if same and not keyed else Collection(inner, keyed, rest, item.length)
    if isinstance(item, Partial):
        given = [as_one_of(i, tag, loops, distinct=False, owned=owned) for i in item.args]
        named = {k: as_one_of(v, tag, loops, distinct=False, owned=owned) for k, v in item.keywords.items()}
        return Partial(item.function, given, named)
    if isinstance(item, Const):
        return Unknown(loops=loops) if distinct else item
    if isinstance(item, Unknown) and (not item.name or item.rank is not None and not distinct):
        return Unknown(loops=loops)
    return item
