"""The ``with`` statement: locks, connections, executors, @contextmanager generators, ``__enter__`` of classes."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from paramedic.lint import attributes, blocks, calls, concurrency, handovers, library, signals
from paramedic.lint.values import (
    Collection,
    External,
    Function,
    Instance,
    Obj,
    Partial,
    Unknown,
    Value,
    alternatives,
)

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker


_Generator = tuple[Function, list[Value], dict[str, Value], ast.Call]


def _with(w: Walker, node: ast.With | ast.AsyncWith) -> bool:
    ended: list[bool] = []
    _enter(w, node, 0, ended)
    return any(ended)


def _enter(w: Walker, node: ast.With | ast.AsyncWith, position: int, ended: list[bool]) -> None:
    if position == len(node.items):
        ended.append(_body(w, node, node.body))
        return
    item = node.items[position]

    def go_on(value: Value) -> None:
        if item.optional_vars is not None:
            blocks.bind(w, item.optional_vars, value)
        _enter(w, node, position + 1, ended)

    generator = _generator_call(w, item.context_expr)
    if generator is not None:
        fn, args, keywords, call = generator
        through_generator(w, fn, args, keywords, call, go_on)
        return
    manager = w.evaluate(item.context_expr)
    suppressing = isinstance(item.context_expr, ast.Call) and "suppress" in ast.unparse(item.context_expr.func)
    w.guards += suppressing
    entered = _enter_value(w, manager, item.context_expr)
    held = _locks_of(w, manager, item.context_expr)
    for lock in held:
        signals.take_lock(w, lock, item.context_expr, held)
    go_on(entered)
    for lock in held:
        for i in range(len(w.locks) - 1, -1, -1):
            if w.locks[i] is lock:
                del w.locks[i]
                break
    if isinstance(manager, Unknown) and manager.name == "file":
        guess = w.world.pseudo_locks.get(library.FILE_LOCK)
        w.locks[:] = [one for one in w.locks if one is not guess]  # the lock goes with the file
    leave(w, manager, item.context_expr)
    w.guards -= suppressing


def _body(w: Walker, node: ast.With | ast.AsyncWith, body: list[ast.stmt]) -> bool:
    """The body of a ``with``; whether nothing is read after it.

    A @contextmanager function that is entered into its ExitStack is left at the end of the body: it is read around the
    rest of it.
    """
    begin = 0
    for at, statement in enumerate(body):
        entering = _entering(node, statement)
        if entering is None:
            continue
        if w.block(body[begin:at]):
            return True
        begin, w.statement = at, statement
        generator = _generator_call(w, entering.args[0])
        if generator is not None:
            return _around(w, node, generator, statement, body[at + 1 :])
    return w.block(body[begin:])


def _around(
    w: Walker, node: ast.With | ast.AsyncWith, generator: _Generator, statement: ast.stmt, rest: list[ast.stmt]
) -> bool:
    ended: list[bool] = []

    def go_on(value: Value) -> None:
        for target in statement.targets if isinstance(statement, ast.Assign) else []:
            blocks.bind(w, target, value)
        ended.append(_body(w, node, rest))

    through_generator(w, *generator, go_on)
    return any(ended)


def _entering(node: ast.With | ast.AsyncWith, statement: ast.stmt) -> ast.Call | None:
    """The call of ``enter_context()`` that a statement of the body is, of an ExitStack that this ``with`` has made."""
    call = statement.value if isinstance(statement, (ast.Assign, ast.Expr)) else None
    call = call.value if isinstance(call, ast.Await) else call
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or len(call.args) != 1:
        return None
    if call.func.attr not in {"enter_context", "enter_async_context"} or not isinstance(call.func.value, ast.Name):
        return None
    name = call.func.value.id
    stacks = [i.optional_vars for i in node.items if "ExitStack" in ast.unparse(i.context_expr)]
    return call if any(isinstance(s, ast.Name) and s.id == name for s in stacks) else None


def _generator_call(w: Walker, node: ast.expr) -> _Generator | None:
    """The call of a @contextmanager function, which is read around the body rather than before it."""
    if not isinstance(node, ast.Call) or any(isinstance(a, ast.Starred) for a in node.args):
        return None
    steps = w.world.steps
    function = w.evaluate(node.func)
    for option in alternatives(function):
        if isinstance(option, Function) and option.kind == "context":
            args = [w.evaluate(a) for a in node.args]
            keywords = {k.arg: w.evaluate(k.value) for k in node.keywords if k.arg is not None}
            return option, args, keywords, node
    w.world.steps = steps
    return None


def through_generator(
    w: Walker,
    fn: Function,
    args: list[Value],
    keywords: dict[str, Value],
    node: ast.AST,
    go_on: Callable[[Value], None],
) -> None:
    """Reads a generator function around what goes on at its ``yield``.

    Threads: the reader's own; does not block.
    """
    outer = (w.scope, w.module, w.function, w.statement, w.returns, w.on_yield)
    entered: list[bool] = []

    def at_yield(value: Value) -> None:
        inner = (w.scope, w.module, w.function, w.statement, w.returns, w.on_yield)
        finals = w.in_finally
        (w.scope, w.module, w.function, w.statement, w.returns, w.on_yield) = outer
        w.in_finally = False
        if not entered:
            entered.append(True)
            go_on(value)
        (w.scope, w.module, w.function, w.statement, w.returns, w.on_yield) = inner
        w.in_finally = finals
        w.after_yield = w.guards <= guards

    before, guards, after = w.on_yield, w.guards, w.after_yield
    w.on_yield = at_yield
    calls.call_function(w, fn, args, keywords, node)
    w.on_yield, w.after_yield = before, after
    if not entered:
        # Not read this time: what its name promises is taken for granted, for quiet.
        guess = library.pseudo_lock(w, fn.name, node) if library.looks_like_lock(fn.name) else None
        w.locks.extend([guess] if guess is not None else [])
        go_on(Unknown())
        if guess is not None and guess in w.locks:
            w.locks.remove(guess)


def _enter_value(w: Walker, manager: Value, node: ast.expr) -> Value:
    for option in alternatives(manager):
        if isinstance(option, Instance):
            enter = option.cls.find("__enter__") or option.cls.find("__aenter__")
            if isinstance(enter, Function):
                return calls.call(w, enter.bind(option), [], {}, node)
            return option
        if isinstance(option, Obj) and option.kind == "closing":
            return option.parts["thing"]
        if isinstance(option, Obj) and option.kind == "tunnel":
            w.record(option, "start", frozenset({"connect", "waits"}), node)
        if isinstance(option, Obj) and option.kind == "semaphore":
            return Unknown()
    return manager


def _locks_of(w: Walker, manager: Value, node: ast.expr) -> list[Obj]:
    """The locks that a ``with`` holds; something with a lock's name that nobody knows counts as one, for quiet."""
    found = [o for o in alternatives(manager) if isinstance(o, Obj) and o.kind in {"lock", "semaphore"}]
    for option in alternatives(manager):
        if isinstance(option, Instance) and option.native is not None and option.native.kind in {"lock", "semaphore"}:
            found.append(option.native)
    if found:
        return found
    for option in alternatives(manager):
        if isinstance(option, (Unknown, External)):
            name = ast.unparse(node.func if isinstance(node, ast.Call) else node)
            if library.looks_like_lock(name):
                return [library.pseudo_lock(w, name.rsplit(".", 1)[-1], node)]
    return []


def leave(w: Walker, manager: Value, node: ast.AST) -> None:
    """What the end of a ``with`` does.

    Threads: the reader's own; does not block.
    """
    before, w.in_finally = w.in_finally, True
    for option in alternatives(manager):
        if isinstance(option, Instance):
            leaver = option.cls.find("__exit__") or option.cls.find("__aexit__")
            if isinstance(leaver, Function):
                calls.call(w, leaver.bind(option), [Unknown(), Unknown(), Unknown()], {}, node)
            elif option.native is not None:
                _leave_object(w, option.native, node)
        elif isinstance(option, Obj):
            _leave_object(w, option, node)
    w.in_finally = before


def _leave_object(w: Walker, obj: Obj, node: ast.AST) -> None:
    if obj.kind == "executor":
        concurrency.join(w, obj)
    elif obj.kind == "closing":
        for thing in alternatives(obj.parts["thing"]):
            if isinstance(thing, Obj) and thing.kind in attributes.TABLES:
                _leave_object(w, thing, node)
            elif isinstance(thing, (Obj, Instance)):
                calls.call_method(w, thing, "close", [], {}, node)
    elif obj.kind in {"eventloop", "taskgroup", "server"}:
        handovers.on_object(w, obj, "__exit__", [], {}, node)
    elif obj.kind == "exitstack":
        leave_stack(w, obj, node)
    elif obj.kind in attributes.TABLES:
        entry = attributes.TABLES[obj.kind].get("close") or attributes.TABLES[obj.kind].get("disconnect")
        if entry is not None:
            w.record(obj, "close", entry.effects | {"left-with"}, node)


def enter_for_stack(w: Walker, stack: Obj, manager: Value, node: ast.AST) -> Value:
    """``stack.enter_context(manager)``.

    Threads: the reader's own; does not block.
    """
    put_on_stack(w, stack, manager, node)
    held = [o for o in alternatives(manager) if isinstance(o, Obj) and o.kind in {"lock", "semaphore"}]
    for lock in held:
        signals.take_lock(w, lock, node)
    if isinstance(node, ast.expr):
        return _enter_value(w, manager, node)
    return manager


def put_on_stack(w: Walker, stack: Obj, thing: Value, node: ast.AST) -> None:
    """Notes what an ExitStack will leave, or call.

    The threads that share a stack are read after who has started them and left it: then it is left by the same.

    Threads: the reader's own; does not block.
    """
    waiting = stack.root.parts.setdefault("__callbacks", Collection())
    assert isinstance(waiting, Collection)
    waiting.items.append(thing)
    leaver = w.world.stacks_left.get(id(stack.root), w.context)
    if leaver is not w.context:
        mine, w.context = w.context, leaver
        _leave_thing(w, thing, node)
        w.context = mine


def leave_stack(w: Walker, stack: Obj, node: ast.AST) -> None:
    """The end of an ExitStack: last in, first out.

    Threads: the reader's own; does not block.
    """
    w.world.stacks_left[id(stack.root)] = w.context
    waiting = stack.root.parts.get("__callbacks")
    for thing in reversed(waiting.items) if isinstance(waiting, Collection) else ():
        _leave_thing(w, thing, node)


def _leave_thing(w: Walker, thing: Value, node: ast.AST) -> None:
    if isinstance(thing, Partial):
        calls.call(w, thing, [], {}, node)
        return
    for option in alternatives(thing):
        if isinstance(option, Obj) and option.kind in {"lock", "semaphore"} and option in w.locks:
            w.locks.remove(option)
    leave(w, thing, node)


READERS: dict[type[ast.AST], Callable[[Walker, Any], bool]] = {ast.With: _with, ast.AsyncWith: _with}
