"""Methods of the objects by which threads keep each other out, or wake each other: locks, conditions, events.

Threads: one thread, the reader's own; nothing here blocks.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from paramedic.lint import calls, limits, turns
from paramedic.lint.ranks import of_wait
from paramedic.lint.values import Const, Obj, Unknown, Value

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker


def on_lock(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    """A method of a lock, a semaphore or a condition.

    Threads: the reader's own; does not block.
    """
    if name in {"acquire", "__enter__"}:
        take_lock(w, obj, node, args, tried=_gives_up(args, keywords))
    elif name in {"release", "__exit__"}:
        release(w, obj, node, several=bool(args or keywords) and name == "release")
    elif name in {"wait", "wait_for", "notify", "notify_all"}:
        effects = {"wait-signal", "blocks"} if name.startswith("wait") else {"give-signal"}
        if name == "wait_for" and args:
            asked = node.args[0] if isinstance(node, ast.Call) and node.args else node
            turns.asked_for(w, obj, asked.body if isinstance(asked, ast.Lambda) else asked)
            calls.call(w, args[0], [], {}, node)  # the predicate, under the lock, also before anything is waited for
        effects |= {"sure"} if name == "wait_for" and limits.only_goes_on(w, node) else set()
        w.record(obj, name, frozenset(effects), node, args=args, keywords=keywords)
    return Unknown()


def release(w: Walker, obj: Obj, node: ast.AST, *, several: bool = False) -> None:
    """Lets go of a lock, or gives what a semaphore counts.

    Args:
        w: who.
        obj: the lock.
        node: where.
        several: whether it may be more than one that is given.

    Threads: the reader's own; does not block.
    """
    w.record(obj, "release", frozenset({"release", "several"} if several else {"release"}), node)
    for position in range(len(w.locks) - 1, -1, -1):
        if w.locks[position] is obj:
            del w.locks[position]
            break


def take_lock(w: Walker, obj: Obj, node: ast.AST, among: Sequence[Value] = (), *, tried: bool = False) -> None:
    """Holds a lock from here on.

    Args:
        w: who.
        obj: the lock.
        node: where.
        among: the locks of which a run takes this or another one.
        tried: whether it goes on without the lock where it is not free, at once or after a time.

    Threads: the reader's own; does not block.
    """
    effects = {"acquire", "tried"} if tried else {"acquire"}
    operation = w.record(obj, "acquire", frozenset(effects), node, args=list(among))
    if not any(lock is obj for lock in w.locks):
        w.held_since[id(obj)] = operation.moment
    w.locks.append(obj)


def _gives_up(args: list[Value], keywords: dict[str, Value]) -> bool:
    """Whether ``acquire(blocking, timeout)`` comes back without the lock, too."""
    if any(isinstance(one, Obj) for one in args):
        args = []  # not what acquire() was given, but the locks of which this is one
    blocking = keywords.get("blocking", args[0] if args else None)
    limit = keywords.get("timeout", args[1] if len(args) > 1 else None)
    if isinstance(blocking, Const) and not blocking.value:
        return True
    return limit is not None and not (isinstance(limit, Const) and limit.value in {None, -1})


def on_signal(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    """A method of an event or a barrier.

    Threads: the reader's own; does not block.
    """
    if name == "wait":
        # With a limit, in a loop, it mostly comes back before the signal: a pause, which puts nothing in an order. But
        # not where each turn waits for another one, or where only who has got the signal goes on.
        sure = limits.only_goes_on(w, node)
        limited = any(not (isinstance(one, Const) and one.value is None) for one in (*args, *keywords.values()))
        again = bool({*w.loops} - {*w.context.loops} - {*obj.loops})
        pause = obj.kind == "event" and limited and again and not sure
        effects = {"blocks"} if pause else {"wait-signal", "blocks", *(["sure"] if sure else [])}
        if obj.kind == "barrier":
            effects.add("give-signal")
        return of_wait(w.record(obj, name, frozenset(effects), node, args=args, keywords=keywords))
    if name in {"set", "clear"}:
        w.record(obj, name, frozenset({"give-signal" if name == "set" else "take-back"}), node)
    return Unknown()
