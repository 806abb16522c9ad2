"""Methods of the objects through which threads meet: locks, queues, executors, futures, loops, loggers, servers."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from paramedic.lint import (
    concurrency,
    eventloop,
    frameworks,
    library,
    loops,
    pipes,
    protocols,
    servers,
    signals,
    starters,
    writers,
)
from paramedic.lint.promises import call as call_promise
from paramedic.lint.values import (
    HAND_OVER,
    Bound,
    Collection,
    Const,
    Function,
    Instance,
    Obj,
    Partial,
    Unknown,
    Value,
    alternatives,
    choose,
    number_of,
    objects_in,
    text_of,
)

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker


def call_object(w: Walker, obj: Obj, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    """Calling an object: joblib's Parallel.

    Threads: the reader's own; does not block.
    """
    if obj.kind == "parallel" and args:
        return starters.parallel(w, obj, args[0], node)
    return Unknown()


def on_object(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    """A method of an object of threading, queue, concurrent.futures or asyncio.

    Threads: the reader's own; does not block.
    """
    reader = _METHODS.get(obj.kind)
    return reader(w, obj, name, args, keywords, node) if reader is not None else Unknown()


def _thread(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    if name == "start":
        concurrency.start(w, obj, node)
    elif name == "run":
        return concurrency.run_target(w, obj, node)
    elif name == "join" or (name == "wait" and "QThread" in (text_of(obj.parts.get("__path", Const(""))) or "")):
        limit = args[0] if args else keywords.get("timeout")
        limited = limit is not None and not (isinstance(limit, Const) and limit.value is None)
        concurrency.join(w, obj, over=not limited)
        if limited and limit is not None:
            for context in (pending.context for pending in w.world.started_by(obj)):
                if context.joins:
                    known = number_of(limit)
                    context.hurried[context.joins[-1][0]] = math.inf if known is None else known
    elif name == "__init__":
        obj.parts["__path"] = obj.parts.get("__path", Const("threading.Thread"))
        concurrency.construct_thread(w, obj, args, keywords)
    elif name == "setDaemon" and args:
        obj.parts["daemon"] = args[0]
    elif name == "cancel" and not concurrency.runs_itself(obj):
        # A timer that is cancelled is a watchdog: it only runs where its owner is stuck.
        concurrency.join(w, obj)
        for pending in w.world.started_by(obj):
            pending.context.watchdog = True
    return Unknown()


def _queue(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    contents = obj.root.parts.setdefault("__contents", Collection())
    assert isinstance(contents, Collection)
    if name in {"put", "put_nowait"} and args:
        effects = {"give-signal", "put"} | ({"blocks"} if name == "put" and _has_an_end(obj) else set())
        w.record(obj, name, frozenset(effects), node, args=args)
        contents.rest.append(args[0])
        for option in alternatives(args[0]):
            if isinstance(option, Obj):
                option.root.parts["__kept"] = contents
        for given in _held_by(args[0]):
            # One object that each turn of a loop puts is not the taker's own: the next one takes it too.
            if not given.owned and not getattr(given, "uncertain", False) and set(w.loops) - set(given.loops):
                w.world.put_again.add(id(given.root))
    elif name in {"get", "get_nowait"}:
        operation = w.record(obj, name, frozenset({"wait-signal", "blocks", "get"}), node, args=args, keywords=keywords)
        tag = (HAND_OVER, getattr(node, "lineno", 0), id(w.context), w.loops)
        found = [_taken(w, v, tag) for v in contents.rest]
        w.world.came_for(lambda: len(contents.rest), w.context)
        operation.result = choose(found) if found else Unknown(loops=w.loops)
        return operation.result
    elif name == "join":
        w.record(obj, name, frozenset({"wait-signal", "blocks"}), node)
    elif name == "task_done":
        w.record(obj, name, frozenset({"give-signal"}), node)
    return Unknown()


def _has_an_end(queue: Obj) -> bool:
    """Whether a queue was given a size, so that putting something into it may wait."""
    given, named = queue.root.parts.get("__args"), queue.root.parts.get("__keywords")
    sizes = [*given.items] if isinstance(given, Collection) else []
    sizes += [named.keyed[k] for k in named.keyed if k == "maxsize"] if isinstance(named, Collection) else []
    return any(not (isinstance(size, Const) and size.value == 0) for size in sizes)


def _held_by(value: Value) -> Iterator[Obj | Instance]:
    """The objects that a value is, or has as its items or arguments."""
    for option in alternatives(value):
        if isinstance(option, (Obj, Instance)):
            yield option
        elif isinstance(option, Collection):
            for item in option.everything():
                yield from _held_by(item)
        elif isinstance(option, Partial):
            for item in (option.function, *option.args, *option.keywords.values()):
                yield from _held_by(item.bound if isinstance(item, Function) and item.bound is not None else item)


def _taken(w: Walker, value: Value, tag: object) -> Value:
    """What somebody who takes a value from a queue has: a thing of his own, unless it is put there again and again."""
    if isinstance(value, (Obj, Instance)) and id(value.root) in w.world.put_again:
        return value
    if any(id(held.root) in w.world.put_again for held in _held_by(value)):
        if isinstance(value, Collection):
            return Collection([_taken(w, i, tag) for i in value.items], rest=[_taken(w, i, tag) for i in value.rest])
        if isinstance(value, Partial):
            named = {k: _taken(w, v, tag) for k, v in value.keywords.items()}
            return Partial(value.function, [_taken(w, i, tag) for i in value.args], named)
    return loops.as_one_of(value, tag, w.loops, distinct=True, owned=True)


def _executor(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    kind = concurrency.pool_kind(obj)
    if name in {"submit", "apply_async", "spawn", "apply", "schedule"} and args:
        rest, keywords_given = args[1:], keywords
        if name in {"apply_async", "apply"} and _from_multiprocessing(obj):
            rest = (
                concurrency.items_of(args[1])
                if len(args) > 1
                else concurrency.items_of(keywords.get("args", Unknown()))
            )
            keywords_given = concurrency.named(args[2] if len(args) > 2 else keywords.get("kwds"))
        future = concurrency.submit(w, obj, args[0], rest, keywords_given, node, kind=kind)
        if _from_multiprocessing(obj):
            _called_back(w, future, keywords, node)
        if name == "apply":
            w.record(future, name, frozenset({"result", "blocks"}), node)
            return concurrency.join(w, future, read=True)
        return future
    if name in {"map", "imap", "imap_unordered", "starmap", "map_async", "starmap_async"} and len(args) > 1:
        return _mapped(w, obj, name, args, keywords, node)
    if name in {"shutdown", "join", "close", "terminate", "__exit__"}:
        wait = keywords.get("wait", args[0] if args else Const(True))
        if name != "close" and not (isinstance(wait, Const) and wait.value is False):
            concurrency.join(w, obj)
    return Unknown()


def _mapped(w: Walker, pool: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    """``pool.map(function, items)``: one call for each of a few items that are written out, else one for any."""
    kind = concurrency.pool_kind(pool)
    if _from_multiprocessing(pool):
        args = args[:2]  # the third says how many go together
    known = loops.one_by_one(args[1]) if len(args) == 2 and not name.startswith("starmap") else None
    if known is not None:
        futures = [concurrency.submit(w, pool, args[0], [item], {}, node, kind=kind) for item in known]
    else:
        number = w.world.number()
        with w.looping(number):
            w.world.loop_sizes[number] = loops.size(args[1])
            items = [loops.element(w, a, number, node) for a in args[1:]]
            if name.startswith("starmap"):
                items = concurrency.items_of(items[0])
            futures = [concurrency.submit(w, pool, args[0], items, {}, node, kind=kind)]
    results = w.make("results", node)
    results.parts["futures"] = futures[0] if len(futures) == 1 else Collection(list(futures), length=len(futures))
    results.parts.update({"__discarded": Const(concurrency.is_discarded(w, node)), "__target": args[0]})
    results.parts["__lazy"] = Const(not _from_multiprocessing(pool))
    for future in futures:
        future.parts["__discarded"] = Const(False)
        future.parts["__results"] = results
    if name.endswith("_async"):
        _called_back(w, results, keywords, node)
    if _from_multiprocessing(pool) and name in {"map", "starmap"}:
        w.record(results, name, frozenset({"result", "blocks"}), node)
        return Collection(rest=[concurrency.join(w, future, read=True) for future in futures])
    return results


def _called_back(w: Walker, result: Obj, keywords: dict[str, Value], node: ast.AST) -> None:
    """What ``apply_async(…, callback=, error_callback=)`` calls on a thread of the pool; the latter gets the error."""
    for name in ("callback", "error_callback"):
        given = keywords.get(name)
        if given is None or (isinstance(given, Const) and given.value is None):
            continue
        if name == "error_callback":
            result.root.parts["__read"] = Const(True)
        concurrency.handler(w, "pool", given, [Unknown("result")], node)


def _from_multiprocessing(pool: Obj) -> bool:
    path = text_of(pool.parts.get("__path", Const(""))) or ""
    return path.startswith(("multiprocessing", "gevent"))


def _future(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    if name in {"result", "get", "exception"}:
        w.record(obj, name, frozenset({"result", "blocks"}), node)
        if not args and not keywords and isinstance(node, ast.Call) and _is_its_maker(node.func, obj):
            for pending in w.world.started_by(obj):
                pending.context.inline = True
        return concurrency.join(w, obj, read=True)
    if name == "wait" or name == "cancel" and id(obj.root) in w.world.tasks:
        concurrency.join(w, obj)
    if name == "add_done_callback" and args:
        if all(_leaves_it_unasked(o) for o in alternatives(args[0])):
            if concurrency.is_discarded(w, node) and isinstance(node, ast.Call):
                at_once = isinstance(getattr(node.func, "value", None), ast.Call)
                obj.root.parts["__discarded"] = Const(at_once or _is_discarded(obj))
        else:
            obj.root.parts["__read"] = Const(True)
        if "__loop" in obj.root.parts:
            eventloop.on_its_thread(w, args[0], [obj], node, done_of=obj.root)
        else:
            before = len(w.world.pending)
            concurrency.handler(w, "pool", args[0], [obj], node, done_of=obj.root)
            if any(map(_hands_on, alternatives(args[0]))):
                for called in w.world.pending[before:]:  # who takes it out of the queue finds it there
                    concurrency.run_now(w, called)
            # A worker calls it before it takes the next task: who waits for the pool's end waits for it, too.
            for pool in {id(c.pool.root) for f, c in w.world.submissions if f.root is obj.root and c.pool is not None}:
                w.world.contexts_of.setdefault(pool, []).extend(w.world.pending[before:])
    return Unknown()


def _is_its_maker(called: ast.expr, future: Obj) -> bool:
    """Whether the call that submitted the work stands before the dot: ``pool.submit(…).result()``."""
    inner = called.value if isinstance(called, ast.Attribute) else None
    return isinstance(inner, ast.Call) and future.kind == "future" and inner.lineno == future.root.site.line


def _is_discarded(future: Obj) -> bool:
    known = future.root.parts.get("__discarded")
    return isinstance(known, Const) and bool(known.value)


def _leaves_it_unasked(callback: Value) -> bool:
    """Whether a callback does nothing with the future that it is given, but forgets it or asks whether it is done."""
    if isinstance(callback, Bound):
        return isinstance(callback.receiver, Collection) and callback.name in {"discard", "remove"}
    return isinstance(callback, Function) and not _looks_at_its_argument(callback)


def _hands_on(callback: Value) -> bool:
    """Whether a callback puts the future that it is given into a queue."""
    if isinstance(callback, Bound):
        receiver = callback.receiver
        return isinstance(receiver, Obj) and receiver.kind == "queue" and callback.name in {"put", "put_nowait"}
    nodes = ast.walk(callback.node) if isinstance(callback, Function) else ()
    return any(isinstance(n, ast.Attribute) and n.attr in {"put", "put_nowait"} for n in nodes)


def _looks_at_its_argument(fn: Function) -> bool:
    """Whether a callback does anything with the future that it is given, but asking whether it is done."""
    arguments = [*fn.node.args.posonlyargs, *fn.node.args.args]
    own = arguments[1 if fn.owner is not None and fn.kind != "static" else 0 :][:1]
    if not own:
        return True
    asked = {id(n.value) for n in ast.walk(fn.node) if isinstance(n, ast.Attribute) and n.attr in {"done", "cancelled"}}
    return any(isinstance(n, ast.Name) and n.id == own[0].arg and id(n) not in asked for n in ast.walk(fn.node))


def _mpcontext(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    made = library.call(w, f"multiprocessing.{name}", args, keywords, node)
    if isinstance(made, Obj):
        made.parts["__method"] = obj.parts.get("__method", Const(""))
    return made


def _contextvar(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    if name == "set" and args:
        obj.root.ever.setdefault("value", []).append(args[0])
        given = w.world.context_values.setdefault(id(obj.root), [])
        given.append((w.world.next_moment(), w.context, args[0]))
        for option in alternatives(args[0]):
            if isinstance(option, Obj):
                option.root.parts["__local"] = obj.root
    if name == "get":
        tag = ("local", id(w.context))
        found = _inherited(w, obj)
        mine = [v for v in obj.root.ever.get("value", ()) if not any(v is one for one in found)]
        found += [loops.as_one_of(v, tag, w.loops, distinct=True, owned=True) for v in mine]
        return choose([*found, *args]) if found or args else Unknown()
    return Unknown()


def _inherited(w: Walker, variable: Obj) -> list[Value]:
    """What a context variable was before a thread got its copy: all who get one have the same thing."""
    if not w.context.copied:
        return []
    before = [
        value
        for moment, setter, value in w.world.context_values.get(id(variable.root), ())
        if moment < w.context.start
        and any(setter is one for one in w.context.chain()[1:])
        and not any(since <= moment <= until for since, until in w.world.coroutines.values())  # that of a task
    ]
    return before[-1:]


def _exitstack(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    if name in {"enter_context", "push", "enter_async_context"} and args:
        return protocols.enter_for_stack(w, obj, args[0], node)
    if name == "callback" and args:
        protocols.put_on_stack(w, obj, Partial(args[0], args[1:], keywords), node)
    if name == "close":
        protocols.leave_stack(w, obj, node)
    return Unknown()


def _logger(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    hears = obj.parts.get("__hears_paramiko")
    if name == "addHandler" and args and isinstance(hears, Const) and hears.value:
        log_handler(w, args[0], node)
    return Unknown()


def log_handler(w: Walker, given: Value, node: ast.AST) -> None:
    """A logging handler that gets Paramiko's own records, which it writes on its transport threads.

    Threads: the reader's own; does not block.
    """
    for option in alternatives(given):
        if isinstance(option, Instance):
            emit = option.cls.find("emit")
            if isinstance(emit, Function):
                concurrency.handler(w, "logging", emit.bind(option), [Unknown("record")], node)


def _status_event(
    w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
) -> Value:
    """``channel.status_event``, which is set when the exit status comes: the wait of recv_exit_status()."""
    channel = obj.parent or obj
    if name == "wait" and not (args or keywords):
        w.record(channel, "status_event.wait", frozenset({"status", "waits"}), node)
    elif name == "is_set":
        w.record(channel, "status_event.is_set", frozenset({"poll-status"}), node)
    return Unknown()


def _selector(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    if name == "register" and args:
        for given in objects_in(args[0]):
            if given.kind == "channel":
                w.record(given, "fileno", frozenset({"fileno"}), node, args=args)
    return Unknown()


_METHODS = {
    "selector": _selector,
    "server": servers.on_server,
    "writer": writers.on_writer,
    "statusevent": _status_event,
    "thread": _thread,
    "lock": signals.on_lock,
    "semaphore": signals.on_lock,
    "pipeend": pipes.on_end,
    "event": signals.on_signal,
    "barrier": signals.on_signal,
    "queue": _queue,
    "executor": _executor,
    **dict.fromkeys(("future", "results"), _future),
    "promise": call_promise,
    "eventloop": eventloop.on_loop,
    "taskgroup": eventloop.on_group,
    "mpcontext": _mpcontext,
    "contextvar": _contextvar,
    "exitstack": _exitstack,
    "logger": _logger,
    **dict.fromkeys(("webapp", "taskapp", "scheduler", "sched", "listener"), frameworks.on_app),
}
