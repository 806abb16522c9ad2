"""Functions that a framework calls on threads or in processes of its own: views, tasks, scheduled jobs."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from paramedic.lint import callers, calls, concurrency
from paramedic.lint.values import Bound, External, Function, Native, Obj, Unknown, Value, alternatives, text_of
from paramedic.lint.world import Pending

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker

_VIEWS = frozenset(
    """route get post put delete patch head options api_route before_request after_request teardown_request
    errorhandler endpoint exception_handler""".split()
)
_BEFORE_ALL = frozenset("before_first_request before_serving before_app_first_request on_event listener".split())
_REGISTERING = {
    "celery.shared_task": "process",
    "celery.task.task": "process",
    "celery.signals.worker_process_init.connect": "child",
    "dramatiq.actor": "server",
    "bottle.route": "server",
    "bottle.get": "server",
    "bottle.post": "server",
}


def on_app(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    """A method of an application object: what registers a function gives a decorator, or takes the function itself.

    Threads: the reader's own; does not block.
    """
    if obj.kind in {"sched", "listener"}:
        return callers.call(w, obj, name, args, keywords, node)
    if obj.kind == "webapp":
        if name == "add_url_rule":
            given = keywords.get("view_func", args[2] if len(args) > 2 else None)
            return _register(w, "server", given, node) if given is not None else Unknown()
        if name in _BEFORE_ALL and not any("shut" in (text_of(a) or "") for a in args):
            return _registrar(w, "first", args, node)
        return _registrar(w, "server", args, node) if name in _VIEWS else Unknown()
    if obj.kind == "taskapp":
        return _registrar(w, "process", args, node) if name == "task" else Unknown()
    if name == "add_job" and args:
        # One job never runs twice at once (max_instances=1), but beside the others.
        values = concurrency.items_of(keywords.get("args", Unknown()))
        concurrency.handler(w, "pool", args[0], values, node)
    if name == "scheduled_job":
        return _registrar(w, "pool", [], node)
    return Unknown()


def registrar(w: Walker, decorator: Value, node: ast.AST) -> Native | None:
    """What a decorator does that hands a function to a framework; None for all other decorators.

    Threads: the reader's own; does not block.
    """
    if isinstance(decorator, Native) and decorator.name == "registrar":
        return decorator
    if isinstance(decorator, Bound) and isinstance(decorator.receiver, Obj):
        if decorator.receiver.kind in {"webapp", "taskapp"}:
            result = on_app(w, decorator.receiver, decorator.name, [], {}, node)
            return result if isinstance(result, Native) else None
    if isinstance(decorator, External) and decorator.path in _REGISTERING:
        return _registrar_of(w, _REGISTERING[decorator.path], node)
    return None


def called(w: Walker, path: str, node: ast.AST) -> Native | None:
    """What ``shared_task(…)`` and its like give; None for all other functions.

    Threads: the reader's own; does not block.
    """
    return _registrar_of(w, _REGISTERING[path], node) if path in _REGISTERING else None


def _registrar(w: Walker, kind: str, args: list[Value], node: ast.AST) -> Value:
    for given in args[:1]:
        if any(isinstance(o, Function) for o in alternatives(given)):
            return _register(w, kind, given, node)
    return _registrar_of(w, kind, node)


def _registrar_of(w: Walker, kind: str, node: ast.AST) -> Native:
    return Native("registrar", lambda args, keywords: _register(w, kind, args[0], node) if args else Unknown())


def _register(w: Walker, kind: str, given: Value, node: ast.AST) -> Value:
    if kind == "first":
        w.world.before_all.extend(lambda inner, f=f: calls.call(inner, f, [], {}, node) for f in alternatives(given))  # type: ignore[misc]
        return given
    plain = [o for o in alternatives(given) if isinstance(o, Function) and not isinstance(o.node, ast.AsyncFunctionDef)]
    for function in plain:
        if kind == "child":
            pending = Pending(
                concurrency.context_of(w, "process", function.name, node),
                lambda inner, f=function: calls.call(inner, f, [], {}, node),  # type: ignore[misc]
            )
            w.world.expect(None, pending)
            w.world.before_all.append(lambda inner, p=pending: concurrency.run_now(inner, p))  # type: ignore[misc]
        elif kind == "server":
            with w.looping(w.world.number()):
                concurrency.handler(w, kind, function, [], node)
        else:
            concurrency.handler(w, kind, function, [], node)
    return given
