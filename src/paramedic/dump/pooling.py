"""Whether a thread waits to borrow a connection: from a queue, or from a pool made of a list and a condition."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence

from paramedic.dump.activity import Activity
from paramedic.dump.place import Place
from paramedic.dump.source import Sources
from paramedic.dump.syntax import covers, covers_any, inside, last
from paramedic.dump.waits import Wait

_CALLERS = 3
"""So many calls out from the waiting line somebody must use what it brings."""

_CONNECTION_CALLS = frozenset(
    "exec_command open_sftp invoke_shell get_transport open_session open_channel listdir listdir_attr getfo putfo "
    "send_command send_config_set sudo".split()
)
_AMBIGUOUS = frozenset({"run", "put", "get", "stat", "open", "close", "send"})
_CONNECTION_NAME = re.compile(r"client|conn|ssh|sftp|session|transport|device|chan|host", re.IGNORECASE)
_TAKES_OUT = frozenset({"get", "get_nowait", "pop", "popleft"})
_GIVES_BACK = frozenset({"put", "put_nowait", "append", "appendleft", "add"})
_GIVING = re.compile(r"put|give|return|release|append|add|check_?in|free|back|restore", re.IGNORECASE)


def borrows(activity: Activity, sources: Sources) -> bool:
    """Whether the thread waits for a connection of a pool, rather than for a job to do.

    It does where what the waiting line brings, there or in one of the callers to which it is returned, is used as a
    connection or put back where it came from.

    Threads: as `Sources`.
    """
    return _asks_for_one(activity, sources) is not None


def _asks_for_one(activity: Activity, sources: Sources) -> int | None:
    """Which of the thread's frames (0: the innermost of the user's) uses what it waits for as a connection."""
    if activity.wait not in (Wait.QUEUE, Wait.CONDITION, Wait.SEMAPHORE):
        return None
    for number, call in enumerate(activity.users[:_CALLERS]):
        place = sources.place(call.site)
        if place is None:
            return None
        if _is_asked_at_once(place, innermost=number == 0):
            return number
        if number == 0 and activity.wait is Wait.SEMAPHORE and _lets_go_itself(place):
            return number
        brought = list(_brought(place, innermost=number == 0))
        if any(_is_ended(place, name) for name, _ in brought if name):
            return None  # it is handed over for good
        if any(_is_used(place, name, origin, innermost=number == 0) for name, origin in brought if name):
            return number
        if not any(not name for name, _ in brought):
            return None
    return None


def users_of(waiting: Sequence[Activity], others: Iterable[Activity], sources: Sources) -> tuple[Activity, ...]:
    """The threads that stand behind a call like those of the waiting ones: each uses a connection of the pool.

    Args:
        waiting: threads that wait for a connection (see `borrows`).
        others: all threads that may use one.
        sources: the user's source.

    Threads: as `Sources`.
    """
    takers: set[tuple[str, str]] = set()
    for activity in waiting:
        number = _asks_for_one(activity, sources)
        place = sources.place(activity.users[0].site) if number is not None else None
        if place is None or number is None:
            continue
        takers |= {(c.function, "") for c in activity.users[:number]}
        takes = _TAKES_OUT | {"acquire"} if activity.wait is Wait.SEMAPHORE else _TAKES_OUT
        takers |= {(method, on) for method, on in _asked(place) if method in takes}
    known = {id(a) for a in waiting}
    return tuple(a for a in others if id(a) not in known and any(_has_one(p, takers) for p in _places(a, sources)))


def _places(activity: Activity, sources: Sources) -> Iterator[Place]:
    return (p for c in activity.users if (p := sources.place(c.site)) is not None)


def _asked(place: Place) -> Iterator[tuple[str, str]]:
    """The methods that the line calls: (method, last name of the object)."""
    for node in ast.walk(place.function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and covers(node, place.site.line):
            yield node.func.attr, last(node.func.value)


def _has_one(place: Place, takers: set[tuple[str, str]]) -> bool:
    """Whether the function has taken a connection before its line, and has not given it back yet."""
    line = place.site.line
    nodes = list(ast.walk(place.function))
    for node in nodes:
        if not isinstance(node, ast.Call):
            continue
        on = last(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        if (last(node.func), "") not in takers and (last(node.func), on) not in takers:
            continue
        blocks = [n for n in nodes if isinstance(n, ast.With | ast.AsyncWith) and _enters(n, node)]
        if blocks:
            if any(inside(b.body, line) for b in blocks):
                return True
        elif (node.end_lineno or node.lineno) < line:
            given = (n for n in nodes if isinstance(n, ast.Call) and _GIVING.search(last(n.func)))
            back = (n for n in given if n.args or last(n.func) == "release")
            if not any(node.lineno < n.lineno < line for n in back):
                return True
    return False


def _enters(block: ast.With | ast.AsyncWith, call: ast.Call) -> bool:
    return any(call is n for i in block.items for n in ast.walk(i.context_expr))


_BINDS = ast.Assign | ast.AnnAssign | ast.NamedExpr
_BRINGS = ast.Return | ast.Yield | ast.withitem | _BINDS


def _brought(place: Place, *, innermost: bool) -> Iterator[tuple[str, str]]:
    """What the line is for: (name it is bound to, where it came from); the name is "" where it is handed to the caller.

    A condition is waited for on a line of its own: what is taken out afterwards counts.
    """
    for node in ast.walk(place.function):
        if not isinstance(node, _BRINGS):
            continue
        taken = _taken_out(node) if innermost else None
        if innermost and taken is None:
            continue
        here = covers_any(node, place.site.line) or any(covers(n, place.site.line) for n in ast.walk(node))
        if not here and not (innermost and getattr(node, "lineno", 0) > place.site.line):
            continue
        origin = taken or _asked_of(node, place.site.line)
        if isinstance(node, ast.Return | ast.Yield):
            yield "", origin
        for name in _names(node):
            yield name, origin
            if any(isinstance(n, ast.Return | ast.Yield) and _is_name(n.value, name) for n in ast.walk(place.function)):
                yield "", origin


def _names(node: ast.AST) -> Iterator[str]:
    """What a statement binds, as the source writes it: ``client``, ``self.conn``, each name of ``client, age``."""
    targets: list[ast.expr | None] = []
    if isinstance(node, ast.withitem):
        targets = [node.optional_vars]
    elif isinstance(node, ast.Assign):
        targets = [*node.targets]
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
        targets = [node.target]
    for target in targets:
        for each in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
            if isinstance(each, ast.Name | ast.Attribute):
                yield ast.unparse(each)


def _taken_out(node: ast.AST) -> str | None:
    """The queue or list that the statement takes something out of, as the source names it."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and inner.func.attr in _TAKES_OUT:
            return ast.unparse(inner.func.value)
    return None


def _asked_of(node: ast.AST, line: int) -> str:
    """The object whose method is at work in that line of the statement, as the source names it."""
    calls = (n for n in ast.walk(node) if isinstance(n, ast.Call) and covers(n, line))
    return next((ast.unparse(c.func.value) for c in calls if isinstance(c.func, ast.Attribute)), "")


def _is_asked_at_once(place: Place, *, innermost: bool) -> bool:
    """``pool.get().exec_command("true")``: what is brought is used as a connection in the very expression."""
    return any(
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in _CONNECTION_CALLS
        and isinstance(call.func.value, ast.Call)
        and covers(call.func.value, place.site.line)
        and (not innermost or _taken_out(call.func.value) is not None)
        for call in ast.walk(place.function)
    )


def _lets_go_itself(place: Place) -> bool:
    """Whether the function that waits for a slot of a semaphore is the one that gives it back: ``slots.release()``."""
    taken = {on for method, on in _asked(place) if method == "acquire"}
    calls = [n for n in ast.walk(place.function) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]
    return any(last(c.func) == "release" and last(c.func.value) in taken for c in calls)  # type: ignore[attr-defined]


def _is_used(place: Place, name: str, origin: str, *, innermost: bool) -> bool:
    again = _requeued(place.function)
    for call in ast.walk(place.function):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            continue
        on, method = call.func.value, call.func.attr
        if _is_name(on, name):
            if method in _CONNECTION_CALLS or (method in _AMBIGUOUS and _CONNECTION_NAME.search(name)):
                return True
        if origin and ast.unparse(on) == origin and any(_is_name(a, name) for a in call.args) and call not in again:
            # A pool of a class is told by the names of what it lends and of the method that takes it back.
            if method in _GIVES_BACK if innermost else _GIVING.search(method) and _CONNECTION_NAME.search(name):
                return True
    return False


def _is_ended(place: Place, name: str) -> bool:
    """Whether the function closes what was brought, whatever comes: nobody gives it back then."""
    failed = {n for h in ast.walk(place.function) if isinstance(h, ast.ExceptHandler | ast.If) for n in ast.walk(h)}
    return any(
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "close"
        and _is_name(call.func.value, name)
        and call not in failed
        for call in ast.walk(place.function)
    )


def _requeued(function: ast.AST) -> set[ast.AST]:
    """What happens only if the work failed, or only on a condition: a job is put back to be tried again.

    A connection is given back whatever comes.
    """
    found: set[ast.AST] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.ExceptHandler):
            found |= set(ast.walk(node))
        elif isinstance(node, ast.If):
            # `if conn.alive: pool.put(conn)`, else thrown away, is a pool's; `if not done: jobs.put(job)` is a job's.
            for statement in node.body if _is_negated(node.test) else ():
                found |= set(ast.walk(statement))
    return found


def _is_negated(test: ast.expr) -> bool:
    return isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)


def _is_name(node: ast.AST | None, name: str) -> bool:
    return isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node) == name
