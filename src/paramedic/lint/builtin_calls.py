"""Functions that are always there: what they give, and what they do to streams, collections and objects."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from paramedic.lint import api, attributes, calls, concurrency, containers, definitions, library, loops, ranks, writers
from paramedic.lint.values import (
    Collection,
    Const,
    Function,
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


def call(w: Walker, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    """What a builtin function gives.

    Threads: the reader's own; does not block.
    """
    first = args[0] if args else Unknown()
    if name in {"list", "tuple", "set", "sorted", "reversed", "frozenset", "any", "all", "sum", "max", "min"} and args:
        return _drained(w, first, name, node)
    if name in {"list", "set", "tuple"}:
        return Collection(length=0)
    if name == "dict":
        for option in alternatives(first):
            if isinstance(option, Collection):
                return Collection(list(option.items), dict(option.keyed), list(option.rest), option.length)
        return Collection(keyed=dict[object, Value](keywords.items()), length=len(keywords))
    if name == "iter":
        if len(args) == 2:
            if isinstance(first, Function) or not isinstance(first, Unknown):
                before = len(w.world.operations)
                with w.looping(w.world.number()):
                    item = calls.call(w, first, [], {}, node)
                for operation in w.world.operations[before:]:
                    if operation.effects & {"read:stdout", "read:stderr"}:
                        operation.effects = operation.effects | {"whole"}
                return Collection(rest=[item])
            return Unknown()
        return first
    if name == "next":
        return loops.element(w, first, w.world.number(), node)
    if name == "enumerate":
        known_items = loops.one_by_one(first)
        if known_items is not None:
            pairs: list[Value] = [Collection([Const(n), one], length=2) for n, one in enumerate(known_items)]
            return Collection(pairs, length=len(pairs))
        rows: list[Value] = [Collection([Unknown(loops=w.loops), i], length=2) for i in parts(first)]
        return ranks.Counted(rest=rows, length=loops.size(first))
    if name == "zip":
        columns = [loops.one_by_one(a, all_kinds=True) for a in args]
        if any(loops.one_by_one(a) for a in args) and all(c is not None for c in columns):
            known = [list(row) for row in zip(*(c for c in columns if c is not None), strict=False)]
            return Collection([Collection(row, length=len(row)) for row in known], length=len(known))
        rows = [choose(parts(a)) if parts(a) else Unknown(loops=w.loops) for a in args]
        row = Collection(rows, length=len(rows))
        counted = tuple(at for at, one in enumerate(args) if isinstance(one, ranks.Counted) and not one.rest)
        if counted:
            return ranks.Counted(rest=[row], length=loops.size(first), columns=counted)
        return Collection(rest=[row], length=loops.size(first))
    if name in {"map", "filter"} and len(args) > 1:
        number = w.world.number()
        with w.looping(number):
            items = [loops.element(w, a, number, node) for a in args[1:]]
            result = calls.call(w, first, items, {}, node)
        return Collection(rest=[result if name == "map" else items[0]], length=loops.size(args[1]))
    if name == "range":
        return ranks.Counted(length=_range(args))
    if name == "len":
        containers.through_dunder(w, first, "__len__", [], node)
        length = containers.length_of(first)
        return Const(length) if length is not None else Unknown()
    if name in {"getattr", "hasattr"} and len(args) > 1:
        text = text_of(args[1])
        if text is not None and name == "getattr":
            found = attributes.read(w, first, text, node)
            return choose([found, *args[2:]]) if not isinstance(found, Unknown) or len(args) < 3 else args[2]
        return Unknown()
    if name == "setattr" and len(args) > 2:
        text = text_of(args[1])
        if text is not None:
            attributes.write(w, first, text, args[2])
        return Const(None)
    if name == "super":
        return _parent_side(w, first)
    if name == "input":
        library.blocks_here(w, "input", node)
    if name == "__import__":
        text = text_of(first)
        return definitions.import_module(w, text) if text else Unknown()
    if name == "print" and "file" in keywords:
        writers.printed(w, args, keywords, node)
    if name == "open":
        return Unknown("file")
    return Unknown()


def _drained(w: Walker, first: Value, name: str, node: ast.AST) -> Value:
    for option in alternatives(first):
        if name == "sorted" and isinstance(option, Collection):
            option.read = True
            return in_one_order(option)
        if isinstance(option, Obj) and (
            option.kind in api.STREAMS or option.kind in {"results", "completed", "sftpfile"}
        ):
            item = loops.element(w, option, w.world.number(), node)
            concurrency.end_of_loop(w, option)
            return Collection(rest=[item])
        if isinstance(option, Collection):
            option.read = True
            if name in {"max", "min"}:
                return choose(option.everything()) if option.everything() else Unknown()
            return Collection(list(option.items), dict(option.keyed), list(option.rest), option.length)
    return Unknown()


def in_one_order(items: Collection) -> Collection:
    """Sorted: whatever the key is, it is the same for all, and so is the order, which is what locks need.

    Threads: the reader's own; does not block.
    """
    if all(isinstance(item, Const) for item in items.items):
        return Collection(sorted(items.items, key=repr), dict(items.keyed), list(items.rest), items.length)
    return Collection(sorted(items.items, key=_age), dict(items.keyed), list(items.rest), items.length)


def _age(value: Value) -> int:
    return value.born if isinstance(value, (Obj, Instance)) else 0


def parts(value: Value) -> list[Value]:
    """The members of a collection; one unknown one where a value is none.

    Threads: the reader's own; does not block.
    """
    for option in alternatives(value):
        if isinstance(option, Collection):
            option.read = True
            return option.everything()
    return [Unknown()]


def _range(args: list[Value]) -> int | None:
    numbers = [number_of(a) for a in args]
    if not numbers or any(n is None for n in numbers):
        return None
    try:
        return len(range(*(int(n) for n in numbers if n is not None)))
    except (TypeError, ValueError, OverflowError):
        return None


def _parent_side(w: Walker, receiver: Value) -> Value:
    """``super()``: the nearest ancestor of the tree, else the native side."""
    for option in alternatives(receiver):
        if isinstance(option, Instance):
            return _above(w, option)
    return Unknown()


def _above(w: Walker, instance: Instance) -> Value:
    """An instance that shares its attributes but starts its search above the class whose method is being read."""
    node = w.stack[-1] if w.stack else None
    lineage = list(instance.cls.lineage())
    start = 0
    for position, cls in enumerate(lineage):
        if any(isinstance(m, Function) and m.node is node for m in cls.members.values()):
            start = position + 1
            break
    if start < len(lineage):
        return Instance(
            lineage[start],
            instance.loops,
            instance.attrs,
            instance.ever,
            instance.native,
            instance.base,
            instance.tag,
            instance.owned,
            instance.spread,
            instance.siblings,
        )
    return instance.native if instance.native is not None else Unknown()
