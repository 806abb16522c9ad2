"""Methods of lists, dicts, sets and text: what goes in and what may come out."""

from __future__ import annotations

import ast
from math import prod
from typing import TYPE_CHECKING

from paramedic.lint import api, attributes, calls, loops
from paramedic.lint.values import (
    ClassValue,
    Collection,
    Const,
    External,
    Function,
    Instance,
    Obj,
    Partial,
    Unknown,
    Value,
    alternatives,
    choose,
    native_objects,
    objects_in,
)

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker


def made_by(path: str, args: list[Value]) -> Value:
    """``deque(items)``, ``defaultdict(factory)``, ``OrderedDict()``: empty, or with what they are given.

    Threads: the reader's own; does not block.
    """
    if path.endswith("defaultdict"):
        given = args[0] if args else None
        made_here = isinstance(given, (Function, Partial, ClassValue))
        own = given if made_here or (isinstance(given, External) and given.path.endswith("Lock")) else None
        return Collection(length=0, missing=own)
    for option in alternatives(args[0]) if args else ():
        if isinstance(option, Collection):
            option.read = True
            return Collection(list(option.items), dict(option.keyed), list(option.rest), option.length)
    return Collection(length=0)


def through_dunder(w: Walker, holder: Value, name: str, args: list[Value], node: ast.AST) -> Value | None:
    """What an operator gives on an object of the tree whose class says what it does; None on all others.

    Threads: the reader's own; does not block.
    """
    found = []
    for option in alternatives(holder):
        if isinstance(option, Instance):
            method = option.cls.find(name)
            if isinstance(method, Function):
                found.append(calls.call(w, method.bind(option), args, {}, node))
    return choose(found) if found else None


def on_collection(
    w: Walker, receiver: Collection | Const, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
) -> Value:
    """What a method of a container or a literal gives.

    Threads: the reader's own; does not block.
    """
    if isinstance(receiver, Const):
        if name == "join" and args:
            # "".join(stdout) reads the stream to its end.
            for option in alternatives(args[0]):
                if isinstance(option, Obj):
                    loops.element(w, option, w.world.number(), node)
        return _on_text(receiver, name, args)
    if not receiver.keyed and not receiver.rest:
        w.world.came_for(lambda: len(receiver.everything()), w.context)
    if name in {"append", "add", "appendleft", "insert", "push"} and args:
        _add(w, receiver, args[-1], node)
        return Const(None)
    if name in {"extend", "update"} and (args or keywords):
        if args:
            extend(w, receiver, args[0])
        if keywords:
            keyed: dict[object, Value] = dict(keywords.items())
            extend(w, receiver, Collection(keyed=keyed, length=len(keywords)))
        return Const(None)
    if name in {"values", "copy", "__iter__", "keys"}:
        receiver.read = True
        return receiver if name != "keys" else Collection(length=receiver.length)
    if name == "items":
        receiver.read = True
        pairs: list[Value] = [Collection([Const(k), v], length=2) for k, v in receiver.keyed.items()]
        rest: list[Value] = [Collection([Unknown(loops=w.loops), v], length=2) for v in receiver.rest]
        return Collection(pairs, rest=rest, length=receiver.length)
    if name in {"get", "pop", "popleft", "popitem", "setdefault", "__getitem__"}:
        receiver.read = True
        return _take(w, receiver, name, args, node)
    if name in {"clear", "remove", "discard", "sort", "reverse"}:
        return Const(None)
    return Unknown()


_LENT = frozenset({*api.CONNECTIONS, "sftp"})
"""Kinds of things that pools lend."""


def _shelf(w: Walker, receiver: Collection, node: ast.AST) -> Obj:
    """Stands for a collection from which connections are taken."""
    return w.world.shelves.setdefault(id(receiver), w.make("shelf", node))


def _add(w: Walker, receiver: Collection, value: Value, node: ast.AST) -> None:
    if id(receiver) in w.world.shelves:
        w.record(w.world.shelves[id(receiver)], "append", frozenset({"put"}), node, args=[value])
    if w.loops:
        receiver.rest.append(value)
        times = _times(w, receiver)
        receiver.length = receiver.length + times if receiver.length is not None and times is not None else None
    else:
        receiver.items.append(value)
        if receiver.length is not None:
            receiver.length += 1
    keep(receiver, value, w.world.next_moment())


def extend(w: Walker, receiver: Collection, added: Value) -> None:
    """``receiver.extend(added)``, ``receiver.update(added)`` and ``receiver += added``.

    Threads: the reader's own; does not block.
    """
    for option in alternatives(added):
        if not isinstance(option, Collection) or option is receiver:
            continue
        (receiver.rest if w.loops else receiver.items).extend(option.items)
        receiver.keyed.update(option.keyed)
        receiver.rest.extend(option.rest)
        times = _times(w, receiver) if w.loops else 1
        known = receiver.length is not None and option.length is not None and times is not None
        receiver.length = (receiver.length or 0) + (option.length or 0) * (times or 0) if known else None
        option.read = True
        keep(receiver, option, w.world.next_moment())


def _times(w: Walker, receiver: Collection) -> int | None:
    """How often a list that was begun further out gets something here, where no branch decides it."""
    if receiver.begun is None or receiver.begun[1] != tuple(w.path):
        return None
    outer = receiver.begun[0]
    sizes = [w.world.loop_sizes.get(loop) for loop in w.loops[len(outer) :]]
    if w.loops[: len(outer)] != outer or any(size is None for size in sizes):
        return None
    return prod(size for size in sizes if size is not None)


def keep(holder: Collection, value: Value, moment: int = 0, depth: int = 0) -> None:
    """Notes that a collection holds a value, or what is in it, and since which moment.

    Threads: the reader's own; does not block.
    """
    for obj in native_objects(value):
        if holder.local is not None:
            obj.root.parts["__local"] = holder.local
        else:
            obj.root.parts["__kept"] = holder
        if moment:
            obj.root.parts.setdefault("__kept_since", Const(moment))
    for option in alternatives(value) if depth < 2 else ():
        if isinstance(option, Instance):
            for obj in (o for held in option.attrs.values() for o in objects_in(held)):
                obj.root.parts["__kept_with"] = holder
        if isinstance(option, Collection) and option is not holder:
            for item in option.everything():
                keep(holder, item, moment, depth + 1)


def _take(w: Walker, receiver: Collection, name: str, args: list[Value], node: ast.AST) -> Value:
    key = args[0] if args else None
    if name == "setdefault" and len(args) > 1 and isinstance(args[1], (Obj, Collection)):
        receiver.rest.append(args[1])
        attributes.share(w, args[1], ())
    if name in {"get", "setdefault", "pop"} and isinstance(key, Const) and isinstance(key.value, (str, int)):
        if key.value in receiver.keyed:
            return receiver.keyed[key.value]
    found: list[Value] = []
    tag: object
    taken = name in {"pop", "popleft", "popitem"}
    for value in receiver.everything():
        if isinstance(value, Obj):
            tag = ("take" if taken else "item", id(w.context), getattr(node, "lineno", 0) if taken else ast.dump(node))
            found.append(value.view(tag, (*value.loops, *w.loops), owned=taken, uncertain=not taken))
        else:
            tag = ("take", id(w.context), getattr(node, "lineno", 0))
            found.append(loops.as_one_of(value, tag, w.loops, distinct=True, owned=taken))
    if taken and any(o.kind in _LENT for v in receiver.everything() for o in objects_in(v)):
        lent = [v for v in found if isinstance(v, Obj)]
        w.record(_shelf(w, receiver, node), name, frozenset({"get"}), node, result=choose(lent) if lent else None)
    if name == "get" and len(args) > 1:
        found.append(args[1])
    if name == "popitem":
        return Collection([Unknown(), choose(found) if found else Unknown()], length=2)
    return choose(found) if found else Unknown(loops=w.loops)


def _on_text(receiver: Const, name: str, args: list[Value]) -> Value:
    if name in {"format", "strip", "lstrip", "rstrip", "encode", "decode", "replace", "lower", "upper", "join"}:
        partial = receiver.partial or name in {"format", "replace", "join"}
        text = receiver.value
        if name == "replace" and len(args) == 2 and isinstance(text, str):
            old, new = (a.value if isinstance(a, Const) and not a.partial else None for a in args)
            if isinstance(old, str) and isinstance(new, str):
                return Const(text.replace(old, new), partial=receiver.partial)
        if name == "join" and args:
            words = [a.value for a in _words(args[0])]
            if isinstance(text, bytes):
                return Const(text.join(x for x in words if isinstance(x, bytes)), partial=True)
            return Const(str(text).join(str(x) for x in words), partial=True)
        return Const(text, partial=partial)
    return Unknown()


def _words(value: Value) -> list[Const]:
    for option in alternatives(value):
        if isinstance(option, Collection):
            return [i for i in option.items if isinstance(i, Const)]
    return []


def length_of(value: Value) -> int | None:
    """How many items a collection has, where that is known.

    Threads: pure.
    """
    options = alternatives(value)
    if len(options) == 1 and isinstance(options[0], Collection):
        return options[0].length
    if len(options) == 1 and isinstance(options[0], Const) and isinstance(options[0].value, (str, bytes)):
        return len(options[0].value)
    return None
