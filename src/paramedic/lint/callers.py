"""Objects of the standard library that call what they were given: ``sched.scheduler`` and ``QueueListener``.

A scheduler calls it on the thread of whoever calls its ``run()``; a listener has a thread of its own.

Threads: one thread, the reader's own; nothing here blocks.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from paramedic.lint import calls, concurrency
from paramedic.lint.values import Collection, Const, Function, Instance, Obj, Partial, Unknown, Value, alternatives
from paramedic.lint.world import Pending

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker

_MOST = 8


def call(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    """A method of such an object.

    Threads: the reader's own.
    """
    if obj.kind == "sched":
        if name in {"enter", "enterabs"}:
            _enter(obj, args, keywords)
        elif name == "run":
            _run(w, obj, node)
    elif name == "start":
        context = concurrency.context_of(w, "thread", "QueueListener", node)
        context.daemon = None
        w.world.expect(obj, Pending(context, lambda inner: _listen(inner, obj, node)))
    elif name == "stop":
        concurrency.join(w, obj, over=True)
    return Unknown()


def _entries(obj: Obj) -> Collection:
    found = obj.root.parts.setdefault("__entries", Collection())
    assert isinstance(found, Collection)
    return found


def _enter(obj: Obj, args: list[Value], keywords: dict[str, Value]) -> None:
    """``enter(delay, priority, action, argument=(), kwargs={})``."""
    names = ("delay", "priority", "action", "argument", "kwargs")
    given = {**dict(zip(names, args, strict=False)), **keywords}
    action, rest = given.get("action"), _entries(obj).rest
    if action is not None and len(rest) < _MOST:
        rest.append(
            Partial(
                action,
                concurrency.items_of(given.get("argument", Unknown())),
                concurrency.named(given.get("kwargs")),
            )
        )


def _run(w: Walker, obj: Obj, node: ast.AST) -> None:
    """Calls what was entered, and what that enters itself if it is another function."""
    called: set[int] = set()
    entries = _entries(obj).rest
    before = len(entries)
    with w.looping(w.world.number()):
        for position in range(_MOST):
            if position >= len(entries):
                break
            entry = entries[position]
            assert isinstance(entry, Partial)
            functions = {id(o.node) for o in alternatives(entry.function) if isinstance(o, Function)}
            if position < before or not functions <= called:
                called |= functions
                calls.call(w, entry, [], {}, node)


def _listen(w: Walker, obj: Obj, node: ast.AST) -> Value:
    """What a listener's thread does with each record: its handlers emit it, one after the other."""
    given = obj.root.parts.get("__args")
    handlers = given.items[1:] if isinstance(given, Collection) else []
    with w.looping(w.world.number()):
        for handler in [option for one in handlers for option in alternatives(one)]:
            if isinstance(handler, Instance) and not _locks_itself(handler):
                calls.call_method(w, handler, "emit", [Unknown("record")], {}, node)
    return Const(None)


def _locks_itself(handler: Instance) -> bool:
    """Whether a handler uses the lock that `logging` holds around emit()."""
    own = {"acquire", "release", "lock", "createLock"}
    nodes = (n for cls in handler.cls.lineage() for n in ast.walk(cls.node))
    return any(isinstance(n, ast.Attribute) and n.attr in own and isinstance(n.value, ast.Name) for n in nodes)
