"""Functions that start threads, or that wait for them: asyncio, joblib, gevent, signal, concurrent.futures."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from paramedic.lint import concurrency, eventloop, loops
from paramedic.lint.values import (
    Collection,
    Const,
    External,
    Native,
    Obj,
    Partial,
    Unknown,
    Value,
    alternatives,
    choose,
    number_of,
    text_of,
)

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker

FORKED = "the child of os.fork()"
"""Name of what os.fork() gives."""

_SPAWNERS = {
    "_thread.start_new_thread",
    "thread.start_new_thread",
    "gevent.spawn",
    "gevent.Greenlet.spawn",
    "eventlet.spawn",
    "eventlet.spawn_n",
    "twisted.internet.threads.deferToThread",
    "twisted.internet.reactor.callInThread",
}

_WITH_LOOPS = ("asyncio.", "uvloop.", "anyio.", "trio.", "starlette.", "fastapi.", "asgiref.")


def call(w: Walker, path: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
    """What one of these functions gives; None for all others.

    Threads: the reader's own; does not block.
    """
    if path.startswith(_WITH_LOOPS):
        found = eventloop.called(w, path, args, keywords, node)
        if found is not None:
            return found
    if path in _SPAWNERS and args:
        rest = args[1:]
        if path.endswith("start_new_thread") and len(args) > 1:
            rest = concurrency.items_of(args[1])
        return concurrency.spawn_now(w, "thread", args[0], rest, keywords, node)
    if path == "gevent.joinall" or path == "gevent.wait":
        concurrency.join_all(w, args[0] if args else Unknown())
        return Unknown()
    if path in {"concurrent.futures.wait", "concurrent.futures.as_completed", "asyncio.as_completed"} and args:
        limit = keywords.get("timeout", args[1] if len(args) > 1 else Const(None))
        until = keywords.get("return_when", args[2] if len(args) > 2 else None)
        all_of_them = until is None or (isinstance(until, External) and until.path.endswith("ALL_COMPLETED"))
        limited = not (isinstance(limit, Const) and limit.value is None) or not all_of_them
        return _completed(w, path, args[0], node, limited=limited)
    if path == "signal.signal" and len(args) > 1:
        w.record(w.make("world", node), "signal.signal", frozenset({"handles-signal"}), node, args=args)
        concurrency.handler(w, "signal", args[1], [Unknown("signum"), Unknown("frame")], node)
        return Unknown()
    if path in {"signal.alarm", "signal.setitimer"} and args:
        off = number_of(args[-1] if path == "signal.alarm" else args[min(1, len(args) - 1)]) == 0
        w.record(w.make("world", node), path, frozenset({"alarm-off" if off else "alarm"}), node)
        return Unknown()
    if path == "atexit.register" and args:
        concurrency.handler(w, "atexit", args[0], args[1:], node)
        return Unknown()
    if path == "os.fork":
        w.world.forked_at = w.record(w.make("world", node), "fork", frozenset({"fork"}), node).moment
        return Unknown(FORKED)
    if path == "multiprocessing.get_context":
        made = w.make("mpcontext", node)
        made.parts["__method"] = args[0] if args else keywords.get("method", Const(""))
        return made
    if path == "multiprocessing.set_start_method" and args:
        w.record(w.make("world", node), f"start-method:{text_of(args[0])}", frozenset({"start-method"}), node)
        return Unknown()
    if path == "joblib.delayed" and args:
        target = args[0]
        return Native("delayed", lambda given, named: Partial(target, given, named))
    if path == "joblib.Parallel":
        made = w.make("parallel", node)
        made.parts["n_jobs"] = args[0] if args else keywords.get("n_jobs", Const(1))
        made.parts["prefer"] = choose([keywords.get("prefer", Const("")), keywords.get("backend", Const(""))])
        made.parts["prefer_text"] = Const(
            f"{text_of(keywords.get('prefer', Const(''))) or ''} {text_of(keywords.get('backend', Const(''))) or ''} "
            f"{text_of(keywords.get('require', Const(''))) or ''}"
        )
        return made
    return None


def _completed(w: Walker, path: str, futures: Value, node: ast.AST, *, limited: bool) -> Value:
    made = w.make("completed", node)
    made.parts["futures"] = futures
    made.parts["__limited"] = Const(limited)  # with a limit some may still run afterwards
    if path.endswith(".wait"):
        if not limited:
            concurrency.join_all(w, futures)
        return Collection([futures, futures], length=2)
    return made


def parallel(w: Walker, runner: Obj, jobs: Value, node: ast.AST) -> Value:
    """``Parallel(n_jobs=…)(delayed(f)(x) for x in xs)``.

    Threads: the reader's own; does not block.
    """
    threads = "thread" in (text_of(runner.parts["prefer_text"]) or "") or "sharedmem" in (
        text_of(runner.parts["prefer_text"]) or ""
    )
    width = number_of(runner.parts["n_jobs"])
    results: list[Value] = []
    number = w.world.number()
    with w.looping(number):
        for job in alternatives(loops.element(w, jobs, number, node)):
            if isinstance(job, Partial):
                future = concurrency.submit(
                    w, None, job.function, job.args, job.keywords, node, kind="pool" if threads else "process",
                    width=int(width) if width is not None and width > 0 else None,
                )  # fmt: skip
                w.world.contexts[-1].forks = "multiprocessing" in (text_of(runner.parts["prefer_text"]) or "")
                results.append(future)
    for one in results:
        if isinstance(one, Obj):
            concurrency.join(w, one, read=True)
    return Collection(rest=[Unknown()])
