"""Event loops: what they run on their own thread, what they have others do, and what their end waits for."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from paramedic.lint import calls, concurrency
from paramedic.lint.contexts import Task
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
    number_of,
)
from paramedic.lint.world import Pending

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker

_TO_THREAD = {
    "asyncio.to_thread",
    "anyio.to_thread.run_sync",
    "trio.to_thread.run_sync",
    "starlette.concurrency.run_in_threadpool",
    "fastapi.concurrency.run_in_threadpool",
    "asgiref.sync.sync_to_async",
}
_LOOPS = {
    "asyncio.get_event_loop",
    "asyncio.get_running_loop",
    "asyncio.new_event_loop",
    "asyncio.Runner",
    "uvloop.new_event_loop",
    "uvloop.Loop",
    "trio.lowlevel.current_trio_token",
}
_DOORS = {
    "trio.from_thread.run_sync",
    "trio.from_thread.run",
    "anyio.from_thread.run_sync",
    "anyio.from_thread.run",
    "twisted.internet.reactor.callFromThread",
}
"""Functions by which another thread has the loop's thread call one."""
_TASKS = {"asyncio.create_task", "asyncio.ensure_future", "asyncio.run_coroutine_threadsafe"}
_CALLBACKS = {
    "call_soon": 0,
    "call_soon_threadsafe": 0,
    "run_sync_soon": 0,
    "call_later": 1,
    "call_at": 1,
    "add_reader": 1,
    "add_writer": 1,
    "add_signal_handler": 1,
}
"""Methods of a loop, and the position of the function that it will call on its thread."""
_SIGNALS = {"set", "set_result", "set_exception", "put_nowait", "callback", "errback"}
_SIGNALLED = {"event", "promise", "queue"}


def called(w: Walker, path: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
    """What a function of asyncio, anyio or trio gives; None for all others.

    Threads: the reader's own; does not block.
    """
    if path in _TO_THREAD and args:
        width = _default_width(w) if path.startswith("asyncio") else None
        future = concurrency.submit(w, None, args[0], args[1:], keywords, node, kind="pool", width=width)
        w.world.submissions[-1][1].copied = True
        return _of_the_loop(future)
    if path in _LOOPS:
        return w.make("eventloop", node)
    if path in {"asyncio.gather", "asyncio.wait"}:
        return _group(w, path, args, keywords, node)
    if not args:
        return None
    if path in _DOORS:
        on_its_thread(w, args[0], args[1:], node)
        return Unknown()
    if path in _TASKS:
        return _task(w, args[0], node)
    if path in {"asyncio.wait_for", "asyncio.wrap_future"}:
        return args[0]
    if path in {"asyncio.run", "uvloop.run"}:
        result = concurrency.awaited(w, args[0], node)
        _end(w, executor=True)
        return result
    if path in {"anyio.run", "trio.run"}:
        result = concurrency.awaited(w, calls.call(w, args[0], args[1:], {}, node), node)
        _end(w, executor=True)
        return result
    return None


def _default_width(w: Walker) -> int | None:
    """How wide the executor is that the program gave its loop as the default one."""
    pool = w.world.default_executor
    number = number_of(pool.parts.get("__width", Unknown())) if pool is not None else None
    return int(number) if number is not None else None


def on_loop(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    """A method of an event loop, or of an asyncio.Runner.

    Threads: the reader's own; does not block.
    """
    if name == "run_in_executor" and len(args) > 1:
        pool = next((o for o in alternatives(args[0]) if isinstance(o, Obj) and o.kind == "executor"), None)
        kind = "pool" if pool is None else concurrency.pool_kind(pool)
        width = _default_width(w) if pool is None else None
        return _of_the_loop(concurrency.submit(w, pool, args[1], args[2:], keywords, node, kind=kind, width=width))
    if name == "create_future":
        return w.make("promise", node)
    if name == "set_default_executor" and args:
        w.world.default_executor = next((o for o in alternatives(args[0]) if isinstance(o, Obj)), None)
    if name in {"run_until_complete", "run"} and args:
        result = concurrency.awaited(w, args[0], node)
        _end(w, executor=False)
        return result
    if name == "create_task" and args:
        return _task(w, args[0], node)
    if name in {"shutdown_default_executor", "__exit__"}:
        _end(w, executor=True)
    if name == "add_reader" and args:
        for given in alternatives(args[0]):
            channel = given.parent if isinstance(given, Obj) and given.kind == "descriptor" else given
            if isinstance(channel, Obj) and channel.kind == "channel":
                w.record(channel, name, frozenset({"fileno", "select"}), node, args=args)
    position = _CALLBACKS.get(name)
    if position is not None and len(args) > position:
        on_its_thread(w, args[position], args[position + 1 :], node)
    return Unknown()


def on_group(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    """A method of a TaskGroup, of anyio's or of a nursery of trio: their end waits for all that they began.

    Threads: the reader's own; does not block.
    """
    members = obj.root.parts.setdefault("members", Collection())
    assert isinstance(members, Collection)
    if name == "create_task" and args:
        begun = _task(w, args[0], node)
        members.rest.append(begun)
        return begun
    if name in {"start_soon", "start"} and args:
        base, w.task_base, since = w.task_base, len(w.loops), w.world.next_moment()
        begun = _of_the_loop(w.make("future", node))
        begun.parts["__value"] = calls.call(w, args[0], args[1:], {}, node)
        begun.parts["__discarded"] = Const(False)
        w.task_base = base
        _goes_on(w, begun, since)
        members.rest.append(begun)
    if name == "__exit__":
        concurrency.join_all(w, members, read=True)
    return Unknown()


def on_its_thread(w: Walker, target: Value, args: list[Value], node: ast.AST, *, done_of: Obj | None = None) -> None:
    """A function that the loop calls on its thread, between two steps of its tasks.

    Args:
        w: who hands it in.
        target: the function.
        args: what it is given.
        node: the call that hands it in.
        done_of: the future whose end it waits for, if it does.

    Threads: the reader's own; does not block.
    """
    site = w.site(node)
    if any(c.kind == "loop" and c.site == site for c in w.context.chain()):
        return  # it comes again and again
    for option in alternatives(target):
        if _gives_signal(option):  # no sooner than it is handed in, and that orders who hands it in and who waits
            calls.call(w, option, args, {}, node)
            continue
        if not isinstance(option, (Function, Bound, Partial, Instance)):
            continue
        context = concurrency.context_of(w, "loop", concurrency.target_name(option), node)
        context.done_of = done_of

        def body(inner: Walker, one: Value = option) -> Value:
            inner.on_loop = True
            inner.coroutine = _full_name(one)
            return calls.call(inner, one, args, {}, node)

        w.world.expect(None, Pending(context, body))


def _gives_signal(target: Value) -> bool:
    """Whether a callback does no more than to give a signal, as ``event.set`` or ``lambda: future.set_result(x)``."""
    if isinstance(target, Partial):
        return _gives_signal(target.function)
    if isinstance(target, Bound):
        return target.name in _SIGNALS and isinstance(target.receiver, Obj) and target.receiver.kind in _SIGNALLED
    body = target.node.body if isinstance(target, Function) and isinstance(target.node, ast.Lambda) else None
    if not (isinstance(body, ast.Call) and isinstance(body.func, ast.Attribute) and body.func.attr in _SIGNALS):
        return False
    given = [*body.args, *(k.value for k in body.keywords)]
    return not any(isinstance(n, ast.Call) for one in given for n in ast.walk(one))  # that would be done on the loop


def _full_name(target: Value) -> str:
    while isinstance(target, Partial):
        target = target.function
    if isinstance(target, Function):
        return f"{calls.owner_name(target)} of {target.module.source.path}"
    return concurrency.target_name(target)


def _of_the_loop(future: Obj) -> Obj:
    """A future whose callbacks the loop calls, on its thread."""
    future.parts["__loop"] = Const(True)
    return future


def _task(w: Walker, value: Value, node: ast.AST) -> Value:
    """A task for a coroutine: a future that holds what it returns."""
    given = node.args[0] if isinstance(node, ast.Call) and node.args else None
    begun = given is not None and w.begun[0] is given
    if not begun and isinstance(value, Unknown) or _is_awaitable(value):
        return value
    made = _of_the_loop(w.make("future", node))
    made.parts["__value"] = value
    made.parts["__discarded"] = Const(concurrency.is_discarded(w, node))
    if begun:
        made.parts["__since"] = Const(w.begun[1])
        made.parts["__until"] = Const(w.world.next_moment())
        _goes_on(w, made, w.begun[1])
        made.label = ast.unparse(given.func) if isinstance(given, ast.Call) else ""
        w.world.submissions.append((made, w.context))
    return made


def _goes_on(w: Walker, owner: Obj, since: int) -> None:
    """Notes that what a coroutine has begun since then, it does beside who has made a task of it."""
    task = w.world.tasks[id(owner.root)] = Task(w.world.next_moment())
    for context in w.world.contexts:
        if since <= context.start <= task.made and context.task is None and context.parent is w.context:
            context.task, context.steps = task, (since, task.made)


def _is_awaitable(value: Value) -> bool:
    return any(isinstance(o, Obj) and o.kind in {"future", "group"} for o in alternatives(value))


def _group(w: Walker, path: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    """``gather(*some)``, which gives results, and ``wait(some)``, which gives the futures back unasked."""
    items: list[Value] = []
    others: list[Value] = []
    for argument in args if path.endswith("gather") else args[:1]:
        for option in alternatives(argument):
            if isinstance(option, Collection):
                items.extend(option.items)
                others.extend(option.rest)
            else:
                items.append(option)
    group = w.make("group", node)
    group.parts["members"] = Collection(items, rest=others)
    _part(w, node)
    if path.endswith("wait"):
        limit = keywords.get("timeout", Const(None))
        whole = isinstance(limit, Const) and limit.value is None and "return_when" not in keywords
        group.parts["__unasked"] = Const(whole)
    elif (forgiving := keywords.get("return_exceptions")) is not None:
        group.parts["__forgiving"] = forgiving
        group.parts["__begun"] = Collection(_begun(w, node))
    return group


def _begun(w: Walker, node: ast.AST) -> list[Value]:
    """The coroutines among what ``gather()`` was given, as the tasks that it makes of them."""
    found: list[Value] = []
    for argument in node.args if isinstance(node, ast.Call) else []:
        spread = argument.value if isinstance(argument, ast.Starred) else argument
        one = spread.elt if isinstance(spread, (ast.GeneratorExp, ast.ListComp)) else spread
        since, until = w.world.coroutines.get(id(one), (0, 0))
        if since and isinstance(one, ast.Call):
            task = w.make("future", node)
            task.parts.update({"__since": Const(since), "__until": Const(until)})
            task.label = ast.unparse(one.func)
            found.append(task)
    return found


def _part(w: Walker, node: ast.AST) -> None:
    """Notes which coroutine of a ``gather(one(), other())`` has started what: they take turns, each at its own pace."""
    number = w.world.number()
    for index, argument in enumerate(node.args if isinstance(node, ast.Call) else []):
        since, until = w.world.coroutines.get(id(argument), (0, 0))
        for context in w.world.contexts:
            if since <= context.start <= until and context.gathered is None and context.parent is w.context:
                context.gathered, context.steps = (number, index), (since, until)


def _end(w: Walker, *, executor: bool) -> None:
    """The loop has come to its end: it calls nothing any more; ``asyncio.run`` waits for the default executor too."""
    for pending in [p for p in w.world.pending if p.context.kind == "loop" and p.context.parent is w.context]:
        concurrency.run_now(w, pending)
    if executor:
        for task in w.world.tasks.values():
            task.awaited = task.awaited or w.world.next_moment()
    mine = {id(w.context)}
    for pending in w.world.pending:
        context = pending.context
        if context.parent is None or id(context.parent) not in mine or context.episode != w.world.episode:
            continue
        if context.kind == "loop":
            mine.add(id(context))
        if any(loops == w.loops for _, loops, _ in context.joins):
            continue
        if context.kind == "loop" or (executor and context.kind == "pool" and context.pool is None):
            context.joins.append((w.world.next_moment(), w.loops, w.world.episode))
