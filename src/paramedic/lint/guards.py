"""What code looks at before it acts, and what it changes after a use: how people count who still needs a thing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from paramedic.lint.values import Function

if TYPE_CHECKING:
    from paramedic.lint.facts import SourceFacts
    from paramedic.lint.operations import Operation
    from paramedic.model.finding import Site

_CHANGING = frozenset("add discard remove pop append appendleft release put put_nowait task_done set clear".split())
_CLOCK = re.compile(r"time|monotonic|now\b|clock", re.IGNORECASE)


def looked_at(facts: SourceFacts, operation: Operation) -> set[str]:
    """Names that the conditions in the functions around an operation ask for.

    Threads: pure.
    """
    found: set[str] = set()
    for site in sites(operation):
        function = around(facts, site)
        for node in ast.walk(function.node) if function is not None else ():
            if getattr(node, "lineno", 0) > site.line:
                continue
            if isinstance(node, (ast.If, ast.While, ast.IfExp)):
                found |= _names(node.test)
            elif isinstance(node, ast.comprehension):
                found.update(*map(_names, node.ifs))
            elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "wait_for":
                found.update(*map(_names, node.args))
    return found


def changed_after(facts: SourceFacts, use: Operation) -> set[str]:
    """Names of what the functions around a use change once it is over, but for the times that they note.

    Threads: pure.
    """
    found: set[str] = set()
    for site in sites(use):
        function = around(facts, site)
        if function is None:
            continue
        for node in ast.walk(function.node):
            line = getattr(node, "lineno", 0)
            if isinstance(node, (ast.With, ast.AsyncWith)) and line <= site.line <= (node.end_lineno or line):
                found |= _changed_by(facts, [item.context_expr for item in node.items])
            elif line > site.line:
                found |= _changes(node)
                if isinstance(node, ast.Call):
                    found |= _changed_by(facts, [node])
    return found


def counts(facts: SourceFacts, wait: Operation, use: Operation, given: Operation) -> bool:
    """Whether what is changed between a wait and a use is changed back by whoever then gives the signal.

    Threads: pure.
    """
    before, after = around(facts, wait.site), around(facts, given.site)
    if before is None or after is None:
        return False
    lines = [site.line for site in sites(use)]
    ends = [line for line in lines if before.node is after.node and wait.site.line <= line <= given.site.line]
    end = min(ends, default=before.node.end_lineno or 0)
    taken = (n for n in ast.walk(before.node) if wait.site.line <= getattr(n, "lineno", 0) <= end)
    back = (n for n in ast.walk(after.node) if getattr(n, "lineno", 0) > end or before.node is not after.node)
    return bool(set[str]().union(*map(_changes, taken)) & set[str]().union(*map(_changes, back)))


def is_sorted(facts: SourceFacts, taken: Operation) -> bool:
    """Whether a function that takes locks puts something into an order first: sorts it, or compares what it has.

    Threads: pure.
    """
    for site in (taken.site, *taken.trail[:2]):
        function = around(facts, site)
        for node in ast.walk(function.node) if function is not None else ():
            called = getattr(getattr(node, "func", None), "id", getattr(getattr(node, "func", None), "attr", ""))
            if called in {"sorted", "sort", "min", "max"}:
                return True
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.Lt, ast.LtE, ast.Gt, ast.GtE)):
                return True
    return False


def does_between(facts: SourceFacts, first: Operation, second: Operation) -> set[str]:
    """Names of what is called between two operations, in the function that does both, itself or by others.

    The second may be the end of a ``with``, whose place is its beginning.

    Threads: pure.
    """
    for one in sites(first):
        for other in sites(second):
            if (one.file, one.function) != (other.file, other.function):
                continue
            function = around(facts, one)
            trees = [m.tree for p, m in facts.world.modules.items() if str(p) == one.file]
            inner = list(ast.walk(function.node if function is not None else trees[0]))
            blocks = [n for n in inner if isinstance(n, (ast.With, ast.AsyncWith)) and n.lineno == other.line]
            end = max((n.end_lineno or 0 for n in blocks), default=other.line - 1)
            called = [n.func for n in inner if isinstance(n, ast.Call) and one.line < n.lineno <= end]
            return {getattr(f, "attr", getattr(f, "id", "")) for f in called}
    return set()


def hands_out_streams(facts: SourceFacts, status: Operation) -> bool:
    """Whether the function that waits for a status returns the streams of its command afterwards, for others to read.

    Threads: pure.
    """
    function = around(facts, status.site)
    inner = list(ast.walk(function.node)) if function is not None else []
    streams = {
        name.id
        for node in inner
        if isinstance(node, ast.Assign) and _is_command(node.value)
        for target in node.targets
        for name in ast.walk(target)
        if isinstance(name, ast.Name) and name.id != "_"
    }
    returned = [n.value for n in inner if isinstance(n, ast.Return) and n.lineno > status.site.line]
    given = (element for value in returned for element in (value.elts if isinstance(value, ast.Tuple) else [value]))
    return any(isinstance(one, ast.Name) and one.id in streams for one in given)


def _is_command(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and getattr(value.func, "attr", "") == "exec_command"


def _changed_by(facts: SourceFacts, calls: Iterable[ast.expr]) -> set[str]:
    """What the functions that are called by these names change."""
    found: set[str] = set()
    for call in calls:
        called = call.func if isinstance(call, ast.Call) else call
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        for function in _functions(facts):
            if name and function.name == name:
                inner = list(ast.walk(function.node))
                # What a @contextmanager does before its yield, it does before the use.
                since = min((n.lineno for n in inner if isinstance(n, ast.Yield)), default=0)
                for node in inner:
                    if getattr(node, "lineno", 0) > since or not since:
                        found |= _changes(node)
    return found


def _changes(node: ast.AST) -> set[str]:
    targets: list[ast.expr] = []
    if isinstance(node, ast.AugAssign):
        targets = [node.target]
    elif isinstance(node, (ast.Assign, ast.Delete)):
        if not (isinstance(node, ast.Assign) and _CLOCK.search(ast.unparse(node.value))):
            targets = [t for t in node.targets if not isinstance(t, ast.Name)]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGING:
        targets = [node.func.value]
    return {name for target in targets if (name := _holder(target))}


def _holder(target: ast.expr) -> str:
    """``users`` of ``self.users[host]``."""
    while isinstance(target, (ast.Subscript, ast.Starred)):
        target = target.value
    return target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")


def _names(test: ast.expr) -> set[str]:
    return {n.attr for n in ast.walk(test) if isinstance(n, ast.Attribute)} | {
        n.id for n in ast.walk(test) if isinstance(n, ast.Name)
    }


def sites(operation: Operation) -> tuple[Site, ...]:
    """The call and its callers, innermost first, but for the place where the thread was started.

    Threads: pure.
    """
    return (operation.site, *(operation.trail[:-1] if operation.context.parent is not None else operation.trail))


def _functions(facts: SourceFacts) -> Iterator[Function]:
    for functions in facts.world.functions.values():
        yield from functions


def around(facts: SourceFacts, site: Site) -> Function | None:
    """The innermost function with a body of statements of which a site is a part.

    Threads: pure.
    """
    found: Function | None = None
    for function in _functions(facts):
        node = function.node
        if isinstance(node, ast.Lambda):
            continue
        if node.lineno <= site.line <= (node.end_lineno or 0) and str(function.module.source.path) == site.file:
            if found is None or node.lineno >= found.node.lineno:
                found = function
    return found


def is_told_on_its_way(facts: SourceFacts, operation: Operation) -> bool:
    """Whether a handler around an operation, a call that leads to it, or where it is awaited, says so and raises again.

    Threads: pure.
    """
    awaiting = [one.site for one in operation.context.chain() if one.inline and one.site is not None]
    for site in (*sites(operation), *awaiting):
        function = around(facts, site)
        for node in ast.walk(function.node) if function is not None else ():
            if isinstance(node, ast.Try) and any(map(_says_and_raises, node.handlers)):
                if node.body[0].lineno <= site.line <= (node.body[-1].end_lineno or 0):
                    return True
    return False


def _says_and_raises(handler: ast.ExceptHandler) -> bool:
    says = any(isinstance(s, ast.Expr) and isinstance(s.value, ast.Call) for s in handler.body)
    return says and any(isinstance(s, ast.Raise) for s in handler.body)
