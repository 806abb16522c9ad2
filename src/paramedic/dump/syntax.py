"""Small questions to Python's syntax trees."""

from __future__ import annotations

import ast
import re

_LOCK_TYPES = frozenset({"Lock", "RLock", "Condition", "allocate_lock"})
_COUNTED_TYPES = frozenset({"Semaphore", "BoundedSemaphore", "CapacityLimiter"})
_LOCK_NAME = re.compile(r"(?:^|_)(?:r?locks?|mutex(?:es)?|cond(?:ition)?|guard|latch|monitor)(?:$|_|\d)", re.I)
_LOCK_WORD = re.compile(r"(?<![bcBC])(?<!un)[Ll]ock(?:s|$|_|[A-Z(])|Mutex")
_CONTEXT_NAME = re.compile(
    r"client|conn|sftp|ssh|session|transport|chan|file|^f\d?$|fh|fp|pool|exec|^ex$|sock|proc|tmp|temp|stack|progress|bar|"
    r"suppress|tunnel|server|gateway|remote|host|stdin|stdout|stderr|cm|ctx|context",
    re.IGNORECASE,
)


def sounds_like_lock(name: str) -> bool:
    """Whether somebody who reads ``with NAME:`` would take it for a lock.

    Threads: pure.
    """
    return bool(name and (_LOCK_NAME.search(name) or _LOCK_WORD.search(name)))


def sounds_like_resource(name: str) -> bool:
    """Whether the name speaks of a connection, file or the like, whose ``with`` takes no lock.

    Threads: pure.
    """
    return bool(_CONTEXT_NAME.search(name))


def takes_lock(text: str) -> bool:
    """Whether a line of source, all that there is, takes a lock: by ``with``, or by ``acquire()`` without a limit.

    Asked of lines at which a thread stands with nothing called: what enters another context manager is on the stack.

    Threads: pure.
    """
    statement = _statement(text)
    if isinstance(statement, ast.With | ast.AsyncWith):
        return any(_enters_lock(item) for item in statement.items)
    return statement is not None and any(_acquires(node) for node in ast.walk(statement))


def _statement(text: str) -> ast.stmt | None:
    """The statement that a line is or begins, or None where it is a part of one."""
    line = text.strip()
    line = line[2:] if line.startswith("elif ") else line
    for whole in (line, f"{line}\n    pass", f"{line} pass"):
        try:
            found = ast.parse(whole).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        return found[0] if found else None
    return None


def _enters_lock(item: ast.withitem) -> bool:
    if isinstance(item.context_expr, ast.Call):  # `with self.lock(host):`, of a function that finds the lock
        return item.optional_vars is None and sounds_like_lock(last(item.context_expr))
    return plain(item) and (
        sounds_like_lock(last(item.context_expr)) or not _CONTEXT_NAME.search(last(item.context_expr))
    )


def _acquires(node: ast.AST) -> bool:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "acquire"):
        return False
    blocking = node.args[0] if node.args else next((k.value for k in node.keywords if k.arg == "blocking"), None)
    limited = len(node.args) > 1 or any(k.arg == "timeout" for k in node.keywords)
    return not limited and not (isinstance(blocking, ast.Constant) and not blocking.value)


def plain(item: ast.withitem) -> bool:
    """``with lock:`` rather than ``with open(…) as f:``.

    Threads: pure.
    """
    return item.optional_vars is None and isinstance(item.context_expr, ast.Name | ast.Attribute | ast.Subscript)


def covers(node: ast.AST, line: int) -> bool:
    """Whether the node stands on that line.

    Threads: pure.
    """
    first = getattr(node, "lineno", None)
    last = getattr(node, "end_lineno", None)
    return first is not None and last is not None and first <= line <= last


def covers_any(node: ast.AST, line: int) -> bool:
    """Whether the node or one directly inside it stands on that line.

    Threads: pure.
    """
    return covers(node, line) or any(covers(c, line) for c in ast.iter_child_nodes(node))


def inside(body: list[ast.stmt], line: int) -> bool:
    """Whether one of these statements stands on that line.

    Threads: pure.
    """
    return any(covers(statement, line) for statement in body)


def last(node: ast.AST) -> str:
    """``locks`` of ``self.locks[host]``, ``lock_of`` of ``self.lock_of(host)``.

    Threads: pure.
    """
    while isinstance(node, ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def terms(node: ast.AST) -> set[str]:
    """Every name and attribute in the node.

    Threads: pure.
    """
    return {
        n.id if isinstance(n, ast.Name) else n.attr for n in ast.walk(node) if isinstance(n, ast.Name | ast.Attribute)
    }


def values(call: ast.Call) -> list[ast.expr]:
    """The values of a call's keyword arguments.

    Threads: pure.
    """
    return [k.value for k in call.keywords]


def makes_lock(call: ast.Call) -> bool:
    """Whether the call makes a lock of `threading`'s, or a semaphore that one thread alone may hold.

    Threads: pure.
    """
    return last(call.func) in _LOCK_TYPES or makes_mutex(call)


def makes_mutex(call: ast.Call) -> bool:
    """Whether the call makes a semaphore of one: ``Semaphore(1)``, or ``Semaphore()``.

    Threads: pure.
    """
    if last(call.func) not in ("Semaphore", "BoundedSemaphore"):
        return False
    counts = [*call.args, *values(call)]
    return not counts or (isinstance(counts[0], ast.Constant) and counts[0].value == 1)


def makes_semaphore(call: ast.Call) -> bool:
    """Whether the call makes something that several threads may hold at once.

    Threads: pure.
    """
    return last(call.func) in _COUNTED_TYPES and not makes_mutex(call)


def bound_in(function: ast.AST) -> set[str]:
    """Names that are local to the function: parameters and what it assigns.

    Threads: pure.
    """
    names = assigned_in(function)
    arguments = getattr(function, "args", None)
    if isinstance(arguments, ast.arguments):
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        names |= {a.arg for a in every if a is not None}
    return names


def assigned_in(function: ast.AST) -> set[str]:
    """Names that the body itself assigns; not those of functions inside it.

    Threads: pure.
    """
    names: set[str] = set()
    outside: set[str] = set()
    stack: list[ast.AST] = list(getattr(function, "body", []))
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Global | ast.Nonlocal):
            outside |= set(node.names)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            stack.extend(ast.iter_child_nodes(node))
    return names - outside
