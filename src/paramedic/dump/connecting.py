"""Where the code of a stack connects a client if it finds it unconnected: "connect when needed" in any clothes.

A lazy property, an ``ensure()`` before each call, a decorator that reconnects and tries again: the thread that asks for
a channel got there through a function that calls ``connect()`` on the very same client, with no lock around it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from paramedic.dump.activity import Activity
from paramedic.dump.place import Place
from paramedic.dump.source import Module, Sources
from paramedic.dump.syntax import covers, last
from paramedic.model.finding import Site

_ASKS = frozenset({"exec_command", "open_sftp", "invoke_shell", "open_session", "open_channel"})
_CALLS_DEEP = 2
_GETS = frozenset({"property", "cached_property"})


def late_connect(activity: Activity, sources: Sources) -> Site | None:
    """The line at which the code of the thread's stack connects the client that it asks for a channel, or None.

    Threads: as `Sources`.
    """
    users = activity.users
    place = sources.place(users[0].site) if users else None
    module = sources.module(users[0].site.file) if users else None
    asked = _asked(module, users[0].site) if module is not None else None
    if asked is None or module is None:
        return None
    clients = _called(module, asked, place.function if place is not None else module.tree, _CALLS_DEEP)
    for call in users:
        own = sources.module(call.site.file)
        place = sources.place(call.site)
        if own is None or place is None or place.holds():
            continue
        found = next(_connects(own, place.function, clients, call.site.file, _CALLS_DEEP), None)
        if found is not None:
            return found
    return None


def _asked(module: Module, site: Site) -> ast.expr | None:
    """The client, as the line names it: ``self._ssh`` of ``self._ssh.get_transport().open_session()``."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and covers(node, site.line) and isinstance(node.func, ast.Attribute):
            if node.func.attr in _ASKS:
                return _without_transport(node.func.value)
    return None


def _without_transport(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get_transport":
        node = node.func.value
    return node


def _called(module: Module, client: ast.expr, function: ast.AST, deep: int) -> frozenset[str]:
    """The client's names: as asked, as it was bound to that name, and as the property or function that gave it has it.

    ``ssh`` of ``ssh = self.ssh`` is ``self.ssh``, and where that is a property which returns ``self._ssh``, that too.
    """
    names = {ast.unparse(client)}
    behind: list[tuple[ast.expr, ast.AST]] = []
    if isinstance(client, ast.Name):
        behind += [(value, function) for value in _bound_to(client.id, function)]
    for getter in _getters(module, client):
        returned = (n.value for n in ast.walk(getter) if isinstance(n, ast.Return) and n.value is not None)
        behind += [(value, getter) for value in returned]
    for value, inside in behind if deep else ():
        names |= _called(module, _without_transport(value), inside, deep - 1)
    return frozenset(names)


def _bound_to(name: str, function: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        targets = node.targets if isinstance(node, ast.Assign) else ()
        if isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            targets = [node.target]
        if any(isinstance(t, ast.Name) and t.id == name for t in targets):
            assert isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value is not None
            yield node.value


def _getters(module: Module, expression: ast.expr) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions of the file that are run to get it: a property's, or the one that is called."""
    called = isinstance(expression, ast.Call)
    for function in module.functions.get(last(expression), ()):
        if called or (isinstance(expression, ast.Attribute) and _is_property(function)):
            yield function


def _is_property(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(last(d) in _GETS for d in function.decorator_list)


def _connects(module: Module, function: ast.AST, clients: frozenset[str], file: str, deep: int) -> Iterator[Site]:
    """Calls of ``connect`` on that client in the function, or in functions of the file that it calls, under no lock."""
    for node in ast.walk(function):
        if not isinstance(node, ast.Call | ast.Attribute):
            continue
        here = Site(file=file, line=node.lineno, function=getattr(function, "name", "<module>"))
        if Place(module, here, function).holds():
            continue
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "connect":
            if ast.unparse(node.func.value) in clients:
                yield here
                continue
        for inner in _getters(module, node) if deep else ():
            if inner is not function:
                yield from _connects(module, inner, clients | _handed(node, inner, clients), file, deep - 1)


def _handed(node: ast.expr, function: ast.FunctionDef | ast.AsyncFunctionDef, clients: frozenset[str]) -> set[str]:
    """The names of the function's parameters that get the client: ``c`` of ``ensure(c)`` called with ``self._ssh``."""
    if not isinstance(node, ast.Call):
        return set()
    parameters = [a.arg for a in [*function.args.posonlyargs, *function.args.args]]
    if isinstance(node.func, ast.Attribute) and parameters[:1] in (["self"], ["cls"]):
        parameters = parameters[1:]
    found = {p for p, value in zip(parameters, node.args, strict=False) if ast.unparse(value) in clients}
    return found | {k.arg for k in node.keywords if k.arg is not None and ast.unparse(k.value) in clients}
