"""Futures that the program makes and fulfils itself: ``Future()``, whose result one thread sets and another awaits.

Such a future is a signal, with what was set as its value; a future that an executor gives stands for a thread.

Threads: the reader's own; does not block.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from paramedic.lint import concurrency
from paramedic.lint.values import Collection, Const, Obj, Unknown, Value, choose

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker


def call(w: Walker, promise: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    """A method of such a future.

    Threads: the reader's own; does not block.
    """
    if name in {"set_result", "set_exception", "callback", "errback"}:
        w.record(promise, name, frozenset({"give-signal"}), node, args=args)
        given = args[0] if args else keywords.get("result")
        if name in {"set_result", "callback"} and given is not None:
            _contents(promise).rest.append(given)
    elif name in {"result", "exception"}:
        limit = args[0] if args else keywords.get("timeout", Const(None))
        limited = not (isinstance(limit, Const) and limit.value is None)
        again = bool({*w.loops} - {*w.context.loops} - {*promise.loops})
        return wait(w, promise, name, node, pause=limited and again)
    elif name == "add_done_callback":
        for value in args:
            w.world.escape(value)
    return Unknown()


def wait(w: Walker, promise: Obj, name: str, node: ast.AST, *, pause: bool = False) -> Value:
    """Its result is awaited.

    Args:
        w: the reader.
        promise: the future.
        name: of the method or function that waits.
        node: the call.
        pause: whether it mostly comes back before there is a result, and is called again.

    Threads: the reader's own; does not block.
    """
    effects = {"blocks"} if pause else {"wait-signal", "blocks"}
    w.record(promise, name, frozenset(effects), node)
    contents = _contents(promise)
    for begun in [p for p in w.world.pending if p.context.parent is w.context]:
        if not contents.rest:  # who is to set the result has been started, and is read as if it were joined
            concurrency.run_now(w, begun)
    w.world.came_for(lambda: len(contents.rest), w.context)
    return choose(contents.rest) if contents.rest else Unknown(loops=w.loops)


def _contents(promise: Obj) -> Collection:
    known = promise.root.parts.setdefault("__contents", Collection())
    assert isinstance(known, Collection)
    return known
