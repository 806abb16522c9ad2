"""Whether a thread waits to borrow a connection: from a queue, or from a pool made of a list and a condition."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from paramedic.dump.activity import Activity
from paramedic.dump.place import Place
from paramedic.dump.source import Sources
from paramedic.dump.syntax import covers, covers_any
from paramedic.dump.waits import Wait

_CALLERS = 3
"""So many calls out from the waiting line somebody must use what it brings."""

_CONNECTION_CALLS = frozenset(
    "exec_command open_sftp invoke_shell get_transport open_session open_channel listdir listdir_attr getfo putfo "
    "send_command send_config_set sudo".split()
)
_AMBIGUOUS = frozenset({"run", "put", "get", "stat", "open", "close", "send"})
_CONNECTION_NAME = re.compile(r"client|conn|ssh|sftp|session|transport|device|chan|host", re.IGNORECASE)
_TAKES_OUT = frozenset({"get", "pop", "popleft"})
_GIVES_BACK = frozenset({"put", "put_nowait", "append", "appendleft", "add"})


def borrows(activity: Activity, sources: Sources) -> bool:
    """Whether the thread waits for a connection of a pool, rather than for a job to do.

    It does where what the waiting line brings, there or in one of the callers to which it is returned, is used as a
    connection or put back where it came from.

    Threads: as `Sources`.
    """
    if activity.wait not in (Wait.QUEUE, Wait.CONDITION, Wait.SEMAPHORE):
        return False
    for number, call in enumerate(activity.users[:_CALLERS]):
        place = sources.place(call.site)
        if place is None:
            return False
        brought = list(_brought(place, innermost=number == 0))
        if any(_is_used(place, name, origin) for name, origin in brought if name):
            return True
        if not any(not name for name, _ in brought):
            return False
    return False


def _brought(place: Place, *, innermost: bool) -> Iterator[tuple[str, str]]:
    """What the line is for: (name it is bound to, where it came from); the name is "" where it is handed to the caller.

    A condition is waited for on a line of its own: what is taken out afterwards counts.
    """
    for node in ast.walk(place.function):
        if not isinstance(node, ast.Assign | ast.Return | ast.Yield | ast.withitem):
            continue
        taken = _taken_out(node) if innermost else None
        if innermost and taken is None:
            continue
        here = covers_any(node, place.site.line) or any(covers(n, place.site.line) for n in ast.walk(node))
        if not here and not (innermost and getattr(node, "lineno", 0) > place.site.line):
            continue
        origin = taken or ""
        if isinstance(node, ast.Return | ast.Yield):
            yield "", origin
        elif isinstance(node, ast.withitem):
            if isinstance(node.optional_vars, ast.Name):
                yield node.optional_vars.id, origin
        elif isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            yield name, origin
            if any(isinstance(n, ast.Return | ast.Yield) and _is_name(n.value, name) for n in ast.walk(place.function)):
                yield "", origin


def _taken_out(node: ast.AST) -> str | None:
    """The queue or list that the statement takes something out of, as the source names it."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and inner.func.attr in _TAKES_OUT:
            return ast.unparse(inner.func.value)
    return None


def _is_used(place: Place, name: str, origin: str) -> bool:
    for call in ast.walk(place.function):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            continue
        on, method = call.func.value, call.func.attr
        if _is_name(on, name):
            if method in _CONNECTION_CALLS or (method in _AMBIGUOUS and _CONNECTION_NAME.search(name)):
                return True
        if origin and method in _GIVES_BACK and ast.unparse(on) == origin and any(_is_name(a, name) for a in call.args):
            return True
    return False


def _is_name(node: ast.AST | None, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
