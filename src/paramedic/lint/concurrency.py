"""Threads as the source starts and awaits them, and the objects through which they hand things over."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from paramedic.lint import calls, loops, starters
from paramedic.lint.contexts import Context
from paramedic.lint.values import (
    Bound,
    ClassValue,
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
    text_of,
)
from paramedic.lint.world import Pending

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker


def items_of(value: Value) -> list[Value]:
    """The arguments that an ``args=`` tuple passes."""
    for option in alternatives(value):
        if isinstance(option, Collection):
            return list(option.items) or list(option.rest)
    return []


def named(value: Value | None) -> dict[str, Value]:
    """The arguments that a ``kwargs=`` dict passes."""
    for option in alternatives(value) if value is not None else ():
        if isinstance(option, Collection):
            return {str(k): v for k, v in option.keyed.items()}
    return {}


def target_name(target: Value) -> str:
    """What people call the function that a thread runs."""
    for option in alternatives(target):
        if isinstance(option, Function):
            return f"{option.owner.name}.{option.name}" if option.owner is not None else option.name
        if isinstance(option, Partial):
            return target_name(option.function)
        if isinstance(option, Bound):
            return option.name
    return ""


# ---------------------------------------------------------------- making


def construct_thread(w: Walker, made: Obj, args: list[Value], keywords: dict[str, Value]) -> None:
    """``Thread(group, target, name, args, kwargs)`` and ``Timer(interval, function, args, kwargs)``."""
    timer = (text_of(made.parts.get("__path", Const(""))) or "").endswith("Timer")
    order = ("interval", "function", "args", "kwargs") if timer else ("group", "target", "name", "args", "kwargs")
    for name, value in [*zip(order, args, strict=False), *keywords.items()]:
        made.parts[f"__{name}"] = value
    if timer and "__function" in made.parts:
        made.parts["__target"] = made.parts["__function"]


def construct_executor(w: Walker, made: Obj, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> None:
    """An executor or a multiprocessing pool: how wide it is, and what each worker runs first."""
    width = args[0] if args else keywords.get("max_workers", keywords.get("processes", keywords.get("n_jobs")))
    if width is not None:
        made.parts["__width"] = width
    initializer = keywords.get("initializer")
    if initializer is not None:
        values = items_of(keywords.get("initargs", Unknown()))
        number = w.world.number()
        with w.looping(number):
            context = _context(w, _pool_kind(made), target_name(initializer), node, pool=made)
        pending = Pending(context, lambda inner: calls.call(inner, initializer, values, {}, node))
        w.world.expect(made, pending)
        run_now(w, pending)


def _pool_kind(pool: Obj) -> str:
    path = text_of(pool.parts.get("__path", Const(""))) or ""
    threads = "Thread" in path or "dummy" in path or "gevent" in path
    return "pool" if threads else "process"


_LABELS = {
    "pool": "worker",
    "transport": "Paramiko's transport thread",
    "signal": "signal handler",
    "logging": "any thread that logs",
    "atexit": "exit handler",
    "server": "request thread",
}


def _context(
    w: Walker, kind: str, target: str, node: ast.AST, *, pool: Obj | None = None, width: int | None = None
) -> Context:
    site = w.site(node)
    label = _LABELS.get(kind, kind)
    name = f"{label} ({target})" if target else label
    context = Context(kind=kind, name=name, site=site, parent=w.context, loops=w.loops, pool=pool, width=width)
    context.begun_in = w.loops
    context.start = w.world.next_moment()
    context.episode = w.world.episode
    context.at_import = w.at_import
    if pool is not None and width is None:
        number = number_of(pool.parts.get("__width", Unknown()))
        context.width = int(number) if number is not None else None
    return context


def run_now(w: Walker, pending: Pending) -> Value:
    """Reads a thread's body, once."""
    from paramedic.lint.walker import Walker

    if not pending.started:
        pending.started = True
        if len(pending.context.chain()) > 5:
            return pending.result
        inner = Walker(w.world, w.module, pending.context)
        inner.stack = list(w.stack[-6:])
        inner.at_import = pending.context.at_import
        pending.result = pending.body(inner)
    return pending.result


def submit(
    w: Walker,
    pool: Obj | None,
    target: Value,
    args: list[Value],
    keywords: dict[str, Value],
    node: ast.AST,
    *,
    kind: str,
    width: int | None = None,
) -> Obj:
    """A call that a worker will make; gives its future."""
    future = w.make("future", node)
    future.parts["__target"] = target
    future.parts["__discarded"] = Const(_is_discarded(w, node))
    if kind == "process" and pool is None:
        future.parts["__method"] = Const("spawn")
    context = _context(w, kind, target_name(target), node, pool=pool, width=width)
    context.forks = pool is not None and _forks(pool)
    pending = Pending(context, lambda inner: calls.call(inner, target, args, keywords, node))
    w.world.expect(future, pending)
    w.world.submissions.append((future, context))
    if pool is not None:
        w.world.contexts_of.setdefault(id(pool.root), []).append(pending)
        w.record(pool, "submit", frozenset({"submit"}), node, result=future)
    return future


def _forks(pool: Obj) -> bool:
    method = pool.parts.get("__method")
    given = pool.parts.get("__keywords")
    if isinstance(given, Collection):
        for option in alternatives(given.keyed.get("mp_context", Unknown())):
            if isinstance(option, Obj):
                method = option.parts.get("__method", method)
    return (text_of(method) if method is not None else "") not in {"spawn", "forkserver"}


def _is_discarded(w: Walker, node: ast.AST) -> bool:
    statement = w.statement
    return isinstance(statement, ast.Expr) and statement.value is node


def spawn_now(w: Walker, kind: str, target: Value, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Obj:
    """A thread that starts as it is made."""
    thread = w.make("thread", node)
    thread.parts.update({"__target": target})
    context = _context(w, kind, target_name(target), node)
    w.world.expect(thread, Pending(context, lambda inner: calls.call(inner, target, args, keywords, node)))
    return thread


def handler(
    w: Walker, kind: str, target: Value, args: list[Value], node: ast.AST, transport: Obj | None = None
) -> None:
    """A function that somebody else calls later: Paramiko, a signal, the logging system, the interpreter's end."""
    for option in alternatives(target):
        if isinstance(option, (Function, Bound, Partial, Instance)):
            context = _context(w, kind, target_name(option), node)
            context.transport = transport
            pending = Pending(context, lambda inner, one=option: calls.call(inner, one, args, {}, node))  # type: ignore[misc]
            w.world.expect(None, pending)


def _start(w: Walker, thread: Obj, node: ast.AST) -> None:
    root = thread.root
    path = text_of(root.parts.get("__path", Const(""))) or ""
    kind = "timer" if path.endswith("Timer") else "process" if "rocess" in path else "thread"
    target = thread.parts.get("__target")
    if thread.instance is not None and target is None:
        instance: Value = thread.instance
        run = thread.instance.cls.find("run")
        name = f"{thread.instance.cls.name}.run"
        if kind == "thread" and any("rocess" in p for p in thread.instance.cls.external_bases()):
            kind = "process"
        if run is None:
            return

        def body(inner: Walker) -> Value:
            return calls.call_method(inner, instance, "run", [], {}, node)
    elif target is not None:
        name = target_name(target)
        args = items_of(thread.parts.get("__args", Unknown())) if "__args" in thread.parts else []
        if isinstance(thread.parts.get("__target"), Value) and "__group" not in thread.parts:
            args = items_of(thread.parts["__args"]) if isinstance(thread.parts.get("__args"), Collection) else args
        keywords = named(thread.parts.get("__kwargs"))

        def body(inner: Walker) -> Value:
            return calls.call(inner, target, args, keywords, node)
    else:
        return
    context = _context(w, kind, name, node)
    context.loops = root.loops
    context.site = root.site if root.site.line else context.site
    daemon = thread.parts.get("daemon", thread.parts.get("__daemon"))
    context.daemon = bool(daemon.value) if isinstance(daemon, Const) else None if daemon is not None else False
    if (text_of(root.parts.get("__method", Const(""))) or "") in {"spawn", "forkserver"}:
        context.forks = False
    w.world.expect(thread, Pending(context, body))


# ---------------------------------------------------------------- waiting


def join(w: Walker, owner: Obj, *, read: bool = False) -> Value:
    """Waits for what was started through an object; gives its result."""
    result: Value = Unknown()
    loops_here = w.loops[w.task_base :] if w.task_base else w.loops
    for pending in w.world.started_by(owner):
        pending.context.joins.append((w.world.next_moment(), loops_here, w.world.episode))
        if read and w.context is not pending.context:
            result = run_now(w, pending)
    if read:
        owner.root.parts["__read"] = Const(True)
    return result


def join_all(w: Walker, value: Value, *, read: bool = False) -> list[Value]:
    """Waits for all threads or futures of a collection."""
    results = []
    for option in alternatives(value):
        if isinstance(option, Obj):
            results.append(join(w, option, read=read))
        elif isinstance(option, Collection):
            for item in option.everything():
                results.extend(join_all(w, item, read=read))
    return results


def end_of_loop(w: Walker, source: Value) -> None:
    """A loop over results has waited for all of them."""
    for option in alternatives(source):
        if isinstance(option, Obj) and option.kind in {"results", "completed"}:
            futures = option.parts.get("futures")
            if futures is not None:
                join_all(w, futures, read=option.kind == "results")
                w.record(option, "result", frozenset({"result", "blocks"}), w.statement or ast.Pass())
            option.root.parts["__read"] = Const(True)


def take(w: Walker, source: Obj, node: ast.AST) -> Value:
    """One item of an iterator over results or finished futures."""
    if source.kind == "results":
        futures = source.parts.get("futures", Unknown())
        source.root.parts["__read"] = Const(True)
        found = join_all(w, futures, read=True)
        return choose(found) if found else Unknown(loops=w.loops)
    if source.kind == "completed":
        return loops.element(w, source.parts.get("futures", Unknown()), w.world.number(), node)
    return Unknown()


def awaited(w: Walker, value: Value, node: ast.AST) -> Value:
    """What ``await value`` gives."""
    results = []
    for option in alternatives(value):
        if isinstance(option, Obj) and option.kind == "future":
            results.append(join(w, option, read=True))
        elif isinstance(option, Obj) and option.kind == "group":
            members = option.parts["members"]
            results.append(Collection(rest=join_all(w, members, read=True)))
        else:
            results.append(option)
    return choose(results) if results else Unknown()


# ---------------------------------------------------------------- objects of threading, queue, asyncio


def call_object(w: Walker, obj: Obj, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    """Calling an object: joblib's Parallel."""
    if obj.kind == "parallel" and args:
        return starters.parallel(w, obj, args[0], node)
    return Unknown()


def on_object(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    """A method of an object of threading, queue, concurrent.futures or asyncio."""
    reader = _METHODS.get(obj.kind)
    return reader(w, obj, name, args, keywords, node) if reader is not None else Unknown()


def _thread(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    if name == "start":
        _start(w, obj, node)
    elif name == "join":
        join(w, obj)
    elif name == "__init__":
        obj.parts["__path"] = obj.parts.get("__path", Const("threading.Thread"))
        construct_thread(w, obj, args, keywords)
    elif name == "setDaemon" and args:
        obj.parts["daemon"] = args[0]
    elif name == "cancel":
        # A timer that is cancelled is a watchdog: it only runs where its owner is stuck.
        join(w, obj)
        for pending in w.world.started_by(obj):
            pending.context.watchdog = True
    return Unknown()


def _lock(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    if name in {"acquire", "__enter__"}:
        take_lock(w, obj, node)
    elif name in {"release", "__exit__"}:
        for position in range(len(w.locks) - 1, -1, -1):
            if w.locks[position] is obj:
                del w.locks[position]
                break
    elif name in {"wait", "wait_for", "notify", "notify_all"}:
        effects = {"wait-signal", "blocks"} if name.startswith("wait") else {"give-signal"}
        w.record(obj, name, frozenset(effects), node)
    return Unknown()


def take_lock(w: Walker, obj: Obj, node: ast.AST) -> None:
    """Holds a lock from here on."""
    operation = w.record(obj, "acquire", frozenset({"acquire"}), node)
    if not any(lock is obj for lock in w.locks):
        w.held_since[id(obj)] = operation.moment
    w.locks.append(obj)


def _signal(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    if name == "wait":
        # With a limit it may come back before the signal, so it puts nothing in an order.
        effects = {"blocks"} if obj.kind == "event" and (args or keywords) else {"wait-signal", "blocks"}
        if obj.kind == "barrier":
            effects.add("give-signal")
        w.record(obj, name, frozenset(effects), node, args=args, keywords=keywords)
    elif name == "set":
        w.record(obj, name, frozenset({"give-signal"}), node)
    return Unknown()


def _queue(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    contents = obj.root.parts.setdefault("__contents", Collection())
    assert isinstance(contents, Collection)
    if name in {"put", "put_nowait"} and args:
        w.record(obj, name, frozenset({"give-signal", "put"}), node, args=args)
        contents.rest.append(args[0])
        for option in alternatives(args[0]):
            if isinstance(option, Obj):
                option.root.parts["__kept"] = contents
    elif name in {"get", "get_nowait"}:
        operation = w.record(obj, name, frozenset({"wait-signal", "blocks", "get"}), node, args=args, keywords=keywords)
        tag = ("hand-over", getattr(node, "lineno", 0), id(w.context), w.loops)
        found = [loops.as_one_of(v, tag, w.loops, distinct=True, owned=True) for v in contents.rest]
        operation.result = choose(found) if found else Unknown(loops=w.loops)
        return operation.result
    elif name == "join":
        w.record(obj, name, frozenset({"wait-signal", "blocks"}), node)
    elif name == "task_done":
        w.record(obj, name, frozenset({"give-signal"}), node)
    return Unknown()


def _executor(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    kind = _pool_kind(obj)
    if name in {"submit", "apply_async", "spawn", "apply", "schedule"} and args:
        rest, keywords_given = args[1:], keywords
        if name in {"apply_async", "apply"} and _from_multiprocessing(obj):
            rest = items_of(args[1]) if len(args) > 1 else items_of(keywords.get("args", Unknown()))
            keywords_given = named(args[2] if len(args) > 2 else keywords.get("kwds"))
        future = submit(w, obj, args[0], rest, keywords_given, node, kind=kind)
        return join(w, future, read=True) if name == "apply" else future
    if name in {"map", "imap", "imap_unordered", "starmap", "map_async", "starmap_async"} and len(args) > 1:
        number = w.world.number()
        with w.looping(number):
            w.world.loop_sizes[number] = loops.size(args[1])
            items = [loops.element(w, a, number, node) for a in args[1:]]
            if name.startswith("starmap"):
                items = items_of(items[0])
            future = submit(w, obj, args[0], items, {}, node, kind=kind)
            future.parts["__discarded"] = Const(False)
        results = w.make("results", node)
        results.parts.update({"futures": future, "__discarded": Const(_is_discarded(w, node)), "__target": args[0]})
        results.parts["__lazy"] = Const(not _from_multiprocessing(obj))
        future.parts["__results"] = results
        if _from_multiprocessing(obj) and name in {"map", "starmap"}:
            found = join(w, future, read=True)
            return Collection(rest=[found])
        return results
    if name in {"shutdown", "join", "close", "terminate", "__exit__"}:
        wait = keywords.get("wait", args[0] if args else Const(True))
        if name != "close" and not (isinstance(wait, Const) and wait.value is False):
            join(w, obj)
    return Unknown()


def _from_multiprocessing(pool: Obj) -> bool:
    path = text_of(pool.parts.get("__path", Const(""))) or ""
    return path.startswith(("multiprocessing", "gevent"))


def _future(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    if name in {"result", "get", "exception"}:
        w.record(obj, name, frozenset({"result", "blocks"}), node)
        return join(w, obj, read=True)
    if name == "wait":
        join(w, obj)
    if name == "add_done_callback" and args:
        obj.root.parts["__read"] = Const(True)
        handler(w, "pool", args[0], [obj], node)
    return Unknown()


def _eventloop(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    if name == "run_in_executor" and len(args) > 1:
        pool = next((o for o in alternatives(args[0]) if isinstance(o, Obj) and o.kind == "executor"), None)
        return submit(w, pool, args[1], args[2:], keywords, node, kind="pool" if pool is None else _pool_kind(pool))
    if name in {"run_until_complete", "create_task"} and args:
        return awaited(w, args[0], node) if name == "run_until_complete" else args[0]
    if name == "add_signal_handler" and len(args) > 1:
        return Unknown()
    return Unknown()


def _mpcontext(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    from paramedic.lint import library

    made = library.call(w, f"multiprocessing.{name}", args, keywords, node)
    if isinstance(made, Obj):
        made.parts["__method"] = obj.parts.get("__method", Const(""))
    return made


def _contextvar(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    if name == "set" and args:
        obj.root.ever.setdefault("value", []).append(args[0])
        for option in alternatives(args[0]):
            if isinstance(option, Obj):
                option.root.parts["__local"] = obj.root
    if name == "get":
        tag = ("local", id(w.context))
        found = [loops.as_one_of(v, tag, w.loops, distinct=True, owned=True) for v in obj.root.ever.get("value", ())]
        return choose([*found, *args]) if found or args else Unknown()
    return Unknown()


def _exitstack(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    from paramedic.lint import protocols

    if name in {"enter_context", "push", "enter_async_context"} and args:
        return protocols.enter_for_stack(w, obj, args[0], node)
    if name == "callback" and args:
        waiting = obj.root.parts.setdefault("__callbacks", Collection())
        assert isinstance(waiting, Collection)
        waiting.items.append(Partial(args[0], args[1:], keywords))
    if name == "close":
        protocols.leave_stack(w, obj, node)
    return Unknown()


def _logger(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    hears = obj.parts.get("__hears_paramiko")
    if name == "addHandler" and args and isinstance(hears, Const) and hears.value:
        log_handler(w, args[0], node)
    return Unknown()


def log_handler(w: Walker, given: Value, node: ast.AST) -> None:
    """A logging handler that gets Paramiko's own records, which it writes on its transport threads."""
    for option in alternatives(given):
        if isinstance(option, Instance):
            emit = option.cls.find("emit")
            if isinstance(emit, Function):
                handler(w, "logging", emit.bind(option), [Unknown("record")], node)


def serve(w: Walker, given: Value, node: ast.AST) -> None:
    """A threading server, which makes a request handler and a thread for each request."""
    for option in alternatives(given):
        if not isinstance(option, ClassValue):
            continue
        number = w.world.number()
        with w.looping(number):
            for name, member in [(n, m) for c in option.lineage() for n, m in c.members.items()]:
                if isinstance(member, Function) and (name.startswith("do_") or name == "handle"):
                    instance = Instance(option, w.loops)
                    handler(w, "server", member.bind(instance), [], node)


_METHODS = {
    "thread": _thread,
    "lock": _lock,
    "semaphore": _lock,
    "event": _signal,
    "barrier": _signal,
    "queue": _queue,
    "executor": _executor,
    "future": _future,
    "results": _future,
    "eventloop": _eventloop,
    "mpcontext": _mpcontext,
    "contextvar": _contextvar,
    "exitstack": _exitstack,
    "logger": _logger,
}


def callbacks(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> None:
    """Functions that a method of Paramiko will call on its transport thread."""
    transport = next((o for o in obj.lineage() if o.kind == "transport"), obj)
    if name == "connect":
        _unknown_key(w, obj, node)
    elif name == "set_missing_host_key_policy" and args:
        obj.root.parts["__policy"] = args[0]
    elif name == "request_port_forward":
        given = args[2] if len(args) > 2 else keywords.get("handler")
        if given is not None:
            channel = w.make("channel", node, transport)
            handler(w, "transport", given, [channel, Unknown("origin"), Unknown("server")], node, transport)
    elif name in {"auth_interactive", "auth_interactive_dumb"}:
        given = args[1] if len(args) > 1 else keywords.get("handler")
        if given is not None:
            fields = [Unknown("title"), Unknown("instructions"), Unknown("prompts")]
            handler(w, "transport", given, list(fields), node, transport)
    elif name == "request_x11":
        given = args[4] if len(args) > 4 else keywords.get("handler")
        if given is not None:
            channel = w.make("channel", node, transport)
            handler(w, "transport", given, [channel, Unknown("address")], node, transport)
    elif name == "start_server":
        given = keywords.get("server", args[1] if len(args) > 1 else None)
        for option in alternatives(given) if given is not None else ():
            if isinstance(option, Instance):
                _server_checks(w, option, node, transport)


def _unknown_key(w: Walker, client: Obj, node: ast.AST) -> None:
    """connect() asks the policy about an unknown key, on the caller's own thread (client.py, SSHClient.connect)."""
    policy = client.root.parts.get("__policy")
    for option in alternatives(policy) if policy is not None else ():
        if isinstance(option, ClassValue):
            option = Instance(option, ())
        if isinstance(option, Instance) and option.cls.find("missing_host_key") is not None:
            calls.call_method(w, option, "missing_host_key", [client, Unknown("hostname"), Unknown("key")], {}, node)


def _server_checks(w: Walker, server: Instance, node: ast.AST, transport: Obj) -> None:
    for name, member in [(n, m) for c in server.cls.lineage() for n, m in c.members.items()]:
        if isinstance(member, Function) and (name.startswith("check_") or name.startswith("cancel_")):
            unknown: list[Value] = [Unknown(a.arg) for a in member.node.args.args[1:]]
            handler(w, "transport", member.bind(server), unknown, node, transport)
