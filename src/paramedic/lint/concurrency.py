"""Threads as the source starts and awaits them, and the objects through which they hand things over."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from paramedic.lint import attributes, calls, carried, loops, promises
from paramedic.lint.contexts import Context
from paramedic.lint.values import (
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
from paramedic.lint.world import Pending

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker


def items_of(value: Value) -> list[Value]:
    """The arguments that an ``args=`` tuple passes.

    Threads: the reader's own; does not block.
    """
    for option in alternatives(value):
        if isinstance(option, Collection):
            return list(option.items) or list(option.rest)
    return []


def named(value: Value | None) -> dict[str, Value]:
    """The arguments that a ``kwargs=`` dict passes.

    Threads: the reader's own; does not block.
    """
    for option in alternatives(value) if value is not None else ():
        if isinstance(option, Collection):
            return {str(k): v for k, v in option.keyed.items()}
    return {}


def target_name(target: Value) -> str:
    """What people call the function that a thread runs.

    Threads: the reader's own; does not block.
    """
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
    """``Thread(group, target, name, args, kwargs)`` and ``Timer(interval, function, args, kwargs)``.

    Threads: the reader's own; does not block.
    """
    timer = _is_timer(made)
    order = ("interval", "function", "args", "kwargs") if timer else ("group", "target", "name", "args", "kwargs")
    for name, value in [*zip(order, args, strict=False), *keywords.items()]:
        made.parts[f"__{name}"] = value
    if timer and "__function" in made.parts:
        made.parts["__target"] = made.parts["__function"]
    if made.instance is not None and "__target" in made.parts:  # a run() of its own finds them here
        own = ("function", "args", "kwargs") if timer else ("_target", "_args", "_kwargs")
        for name, part in zip(own, ("__target", "__args", "__kwargs"), strict=True):
            attributes.write(w, made.instance, name, made.parts.get(part, Collection()))


def _is_timer(thread: Obj) -> bool:
    paths = [text_of(thread.root.parts.get("__path", Const(""))) or ""]
    if thread.instance is not None:
        paths += thread.instance.cls.external_bases()
    return any(path.endswith("Timer") for path in paths)


def construct_executor(w: Walker, made: Obj, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> None:
    """An executor or a multiprocessing pool: how wide it is, and what each worker runs first.

    Threads: the reader's own; does not block.
    """
    width = args[0] if args else keywords.get("max_workers", keywords.get("processes", keywords.get("n_jobs")))
    if width is not None:
        made.parts["__width"] = width
    # Executor(max_workers, prefix or context, initializer, initargs), Pool(processes, initializer, initargs)
    first = 2 if (text_of(made.parts.get("__path", Const(""))) or "").endswith("Executor") else 1
    given = {**dict(zip(("initializer", "initargs"), args[first:], strict=False)), **keywords}
    initializer = given.get("initializer")
    if initializer is not None:
        values = items_of(given.get("initargs", Unknown()))
        number = w.world.number()
        with w.looping(number):
            context = context_of(w, pool_kind(made), target_name(initializer), node, pool=made)
        pending = Pending(context, lambda inner: calls.call(inner, initializer, values, {}, node))
        w.world.expect(made, pending)
        run_now(w, pending)


def pool_kind(pool: Obj) -> str:
    """Whether the workers of an executor are threads (``pool``) or processes.

    Threads: the reader's own; does not block.
    """
    path = text_of(pool.parts.get("__path", Const(""))) or ""
    threads = "Thread" in path or "dummy" in path or "gevent" in path or "eventlet" in path
    return "pool" if threads else "process"


_LABELS = {
    "pool": "worker",
    "transport": "Paramiko's transport thread",
    "signal": "signal handler",
    "logging": "any thread that logs",
    "atexit": "exit handler",
    "server": "request thread",
    "loop": "event loop callback",
}


def context_of(
    w: Walker, kind: str, target: str, node: ast.AST, *, pool: Obj | None = None, width: int | None = None
) -> Context:
    """A new thread, process or callback of that kind, started here.

    Threads: the reader's own; does not block.
    """
    site = w.site(node)
    label = _LABELS.get(kind, kind)
    name = f"{label} ({target})" if target else label
    context = Context(kind=kind, name=name, site=site, parent=w.context, loops=w.loops, pool=pool, width=width)
    context.begun_in = w.loops
    context.path = tuple(w.path)
    context.start = w.world.next_moment()
    context.episode = w.world.episode
    context.at_import = w.at_import
    if pool is not None and width is None:
        number = number_of(pool.parts.get("__width", Unknown()))
        context.width = int(number) if number is not None else None
    return context


def run_now(w: Walker, pending: Pending) -> Value:
    """Reads a thread's body, once.

    Threads: the reader's own; does not block.
    """
    from paramedic.lint.walker import Walker

    if not pending.started:
        pending.started = True
        if len(pending.context.chain()) > 5:
            return pending.result
        inner = Walker(w.world, w.module, pending.context)
        inner.stack = list(w.stack[-6:])
        inner.root_depth = len(inner.stack)
        inner.at_import = pending.context.at_import
        pending.result = pending.body(inner)
        w.world.filled_itself(pending.context)
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
    """A call that a worker will make; gives its future.

    Threads: the reader's own; does not block.
    """
    future = w.make("future", node)
    future.parts["__target"] = target
    future.parts["__discarded"] = Const(is_discarded(w, node))
    if kind == "process" and pool is None:
        future.parts["__method"] = Const("spawn")
    context = context_of(w, kind, target_name(target), node, pool=pool, width=width)
    context.forks = pool is not None and _forks(pool)
    # Who awaits it at once holds its locks for as long as the thread works.
    context.inline = w.awaited is node
    held = list(w.locks) if context.inline else []

    def body(inner: Walker) -> Value:
        inner.locks = held
        return calls.call(inner, target, args, keywords, node)

    pending = Pending(context, body)
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


def is_discarded(w: Walker, node: ast.AST) -> bool:
    """Whether the statement throws the result of the call away.

    Threads: the reader's own; does not block.
    """
    statement = w.statement
    if isinstance(statement, ast.Assign) and statement.value is node and len(statement.targets) == 1:
        target = statement.targets[0]
        return isinstance(target, ast.Name) and bool(w.stack) and not _is_loaded(w.stack[-1], target.id)
    return isinstance(statement, ast.Expr) and statement.value is node


def _is_loaded(function: ast.AST, name: str) -> bool:
    """Whether a function ever looks at a variable, or may be read by others because it is not its own."""
    told = {id(n.value) for n in ast.walk(function) if isinstance(n, ast.Attribute) and n.attr == "add_done_callback"}
    return any(
        (isinstance(n, ast.Name) and n.id == name and not isinstance(n.ctx, ast.Store) and id(n) not in told)
        or (isinstance(n, (ast.Global, ast.Nonlocal)) and name in n.names)
        for n in ast.walk(function)
    )


def spawn_now(w: Walker, kind: str, target: Value, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Obj:
    """A thread that starts as it is made.

    Threads: the reader's own; does not block.
    """
    thread = w.make("thread", node)
    thread.parts.update({"__target": target})
    context = context_of(w, kind, target_name(target), node)
    w.world.expect(thread, Pending(context, lambda inner: calls.call(inner, target, args, keywords, node)))
    return thread


def handler(
    w: Walker,
    kind: str,
    target: Value,
    args: list[Value],
    node: ast.AST,
    transport: Obj | None = None,
    done_of: Obj | None = None,
) -> None:
    """A function that somebody else calls later: Paramiko, a signal, the logging system, a future as its work ends.

    Threads: the reader's own; does not block.
    """
    for option in alternatives(target):
        if isinstance(option, (Function, Bound, Partial, Instance)):
            context = context_of(w, kind, target_name(option), node)
            context.transport = transport
            context.done_of = done_of
            pending = Pending(context, lambda inner, one=option: calls.call(inner, one, args, {}, node))  # type: ignore[misc]
            w.world.expect(None, pending)


_NO_FORKS = frozenset(f"multiprocessing.context.{how}Process" for how in ("Spawn", "ForkServer"))


def start(w: Walker, thread: Obj, node: ast.AST) -> None:
    """``thread.start()``: its body is read later, with what it was given.

    Threads: the reader's own; does not block.
    """
    root = thread.root
    path = text_of(root.parts.get("__path", Const(""))) or ""
    kind = "timer" if _is_timer(thread) else "process" if "rocess" in path else "thread"
    target = thread.parts.get("__target")
    bases = set(thread.instance.cls.external_bases()) if thread.instance is not None else set()
    if thread.instance is not None and (target is None or runs_itself(thread)):
        instance: Value = thread.instance
        run = thread.instance.cls.find("run")
        name = f"{thread.instance.cls.name}.run" if target is None else target_name(target)
        if kind == "thread" and any("rocess" in p for p in bases):
            kind = "process"
        if run is None:
            return

        def body(inner: Walker) -> Value:
            return calls.call_method(inner, instance, "run", [], {}, node)
    elif target is not None:
        name = target_name(target)
        args = items_of(thread.parts.get("__args", Unknown()))
        keywords = named(thread.parts.get("__kwargs"))

        def body(inner: Walker) -> Value:
            return calls.call(inner, target, args, keywords, node)
    else:
        return
    context = context_of(w, kind, name, node)
    context.forks = not bases & _NO_FORKS
    context.loops = root.loops
    context.site = root.site if root.site.line else context.site
    daemon = thread.parts.get("daemon", thread.parts.get("__daemon"))
    context.daemon = bool(daemon.value) if isinstance(daemon, Const) else None if daemon is not None else False
    if (text_of(root.parts.get("__method", Const(""))) or "") in {"spawn", "forkserver"}:
        context.forks = False
    w.world.expect(thread, Pending(context, body))


def runs_itself(thread: Obj) -> bool:
    """Whether its class has a ``run()`` of its own, which calls the target it was given, or does not.

    Threads: pure.
    """
    return thread.instance is not None and isinstance(thread.instance.cls.find("run"), Function)


def run_target(w: Walker, thread: Obj, node: ast.AST) -> Value:
    """``super().run()``: what the thread was given to do.

    Threads: the reader's own; does not block.
    """
    target = thread.parts.get("__target")
    if target is None:
        return Unknown()
    args, keywords = items_of(thread.parts.get("__args", Unknown())), named(thread.parts.get("__kwargs"))
    return calls.call(w, target, args, keywords, node)


# ---------------------------------------------------------------- waiting


def join(w: Walker, owner: Obj, *, read: bool = False, over: bool = False) -> Value:
    """Waits for what was started through an object; gives its result, if that is asked for.

    What is surely over has left its traces: what it has put somewhere is there.

    Threads: the reader's own; does not block.
    """
    if owner.kind == "promise":
        return promises.wait(w, owner, "result", w.statement or ast.Pass())
    result: Value = owner.root.parts.get("__value") or Unknown()
    loops_here = w.loops[w.task_base :] if w.task_base else w.loops
    limited = Const(True) if _one_of_many(w, owner) or _is_called_back(w, owner) else owner.parts.get("__limited")
    if w.world.formers and (over if owner.kind == "thread" else not read) and limited is None:
        carried.noted(w, owner)
    for pending in w.world.started_by(owner):
        if not (isinstance(limited, Const) and limited.value):  # else the others may still run
            pending.context.joins.append((w.world.next_moment(), loops_here, w.world.episode))
        if (read or over) and w.context is not pending.context:
            result = run_now(w, pending)
    if read:
        owner.root.parts["__read"] = Const(True)
    task = w.world.tasks.get(id(owner.root))
    if task is not None and task.awaited is None and not (isinstance(limited, Const) and limited.value):
        task.awaited = w.world.next_moment()
    return result


def _one_of_many(w: Walker, owner: Obj) -> bool:
    """Whether it is one that was picked out of several, not each of them in turn."""
    picked = isinstance(owner.tag, tuple) and owner.tag[:1] in {("take",), ("item",)}
    return picked and w.loops == w.context.loops and bool(set(owner.root.loops) - set(w.loops))


def _is_called_back(w: Walker, owner: Obj) -> bool:
    """Whether it is asked in what is called when it is over: nobody else waits for that."""
    return any(context.done_of is owner.root for context in w.context.chain())


def join_all(w: Walker, value: Value, *, read: bool = False) -> list[Value]:
    """Waits for all threads or futures of a collection.

    Threads: the reader's own; does not block.
    """
    results = []
    for option in alternatives(value):
        if isinstance(option, Obj):
            results.append(join(w, option, read=read))
        elif isinstance(option, Collection):
            for item in option.everything():
                results.extend(join_all(w, item, read=read))
    return results


def end_of_loop(w: Walker, source: Value) -> None:
    """A loop over results has waited for all of them.

    Threads: the reader's own; does not block.
    """
    for option in alternatives(source):
        if isinstance(option, Obj) and option.kind in {"results", "completed"}:
            futures = option.parts.get("futures")
            limited = option.parts.get("__limited")
            if futures is not None and not (isinstance(limited, Const) and limited.value):
                join_all(w, futures, read=option.kind == "results")
                w.record(option, "result", frozenset({"result", "blocks"}), w.statement or ast.Pass())
            option.root.parts["__read"] = Const(True)


def take(w: Walker, source: Obj, node: ast.AST) -> Value:
    """One item of an iterator over results or finished futures.

    Threads: the reader's own; does not block.
    """
    if source.kind == "results":
        futures = source.parts.get("futures", Unknown())
        source.root.parts["__read"] = Const(True)
        found = join_all(w, futures, read=True)
        return choose(found) if found else Unknown(loops=w.loops)
    if source.kind == "completed":
        one = loops.element(w, source.parts.get("futures", Unknown()), w.world.number(), node)
        for option in alternatives(one):
            if isinstance(option, Obj) and option.base is not None:
                option.parts["__limited"] = source.parts["__limited"]
        return one
    return Unknown()


def awaited(w: Walker, value: Value, node: ast.AST) -> Value:
    """What ``await value`` gives.

    Threads: the reader's own; does not block.
    """
    results = []
    for option in alternatives(value):
        if isinstance(option, Obj) and option.kind == "future":
            w.record(option, "await", frozenset({"awaits"}), node)
            results.append(join(w, option, read=True))
        elif isinstance(option, Obj) and option.kind == "promise":
            results.append(promises.wait(w, option, "await", node))
        elif isinstance(option, Obj) and option.kind == "group":
            results.append(_awaited_together(w, option, node))
        else:
            results.append(option)
    return choose(results) if results else Unknown()


def _awaited_together(w: Walker, group: Obj, node: ast.AST) -> Value:
    """``await gather(…)`` gives the results, ``await wait(…)`` those that are done and those that are not."""
    members = group.parts["members"]
    unasked = group.parts.get("__unasked")
    if isinstance(unasked, Const):
        if unasked.value:
            join_all(w, members)
        return Collection([members, members], length=2)
    futures = list(objects_in(members))
    for future in futures:
        w.record(future, "await", frozenset({"awaits"}), node)
    forgiving = group.parts.get("__forgiving")
    if isinstance(forgiving, Const) and forgiving.value and is_discarded(w, node):
        begun = list(objects_in(group.parts.get("__begun", Unknown())))
        w.world.submissions += [(task, w.context) for task in begun]
        for future in [*futures, *begun]:  # exceptions are among the results, at which nobody looks
            future.parts["__discarded"] = Const(True)
        return Collection(rest=join_all(w, members))
    return Collection(rest=join_all(w, members, read=True))
