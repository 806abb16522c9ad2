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


def late_connect(activity: Activity, sources: Sources) -> Site | None:
    """The line at which the code of the thread's stack connects the client that it asks for a channel, or None.

    Threads: as `Sources`.
    """
    users = activity.users
    module = sources.module(users[0].site.file) if users else None
    asked = _asked(module, users[0].site) if module is not None else None
    if asked is None:
        return None
    for call in users:
        own = sources.module(call.site.file)
        place = sources.place(call.site)
        if own is None or place is None or place.holds():
            continue
        found = next(_connects(own, place.function, asked, call.site.file, _CALLS_DEEP), None)
        if found is not None:
            return found
    return None


def _asked(module: Module, site: Site) -> str | None:
    """The client, as the line names it: ``self._ssh`` of ``self._ssh.get_transport().open_session()``."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and covers(node, site.line) and isinstance(node.func, ast.Attribute):
            if node.func.attr in _ASKS:
                return _without_transport(node.func.value)
    return None


def _without_transport(node: ast.expr) -> str:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get_transport":
        node = node.func.value
    return ast.unparse(node)


def _connects(module: Module, function: ast.AST, client: str, file: str, deep: int) -> Iterator[Site]:
    """Calls of ``connect`` on that client in the function, or in functions of the file that it calls, under no lock."""
    for node in ast.walk(function):
        if not isinstance(node, ast.Call):
            continue
        name = last(node.func)
        here = Site(file=file, line=node.lineno, function=getattr(function, "name", "<module>"))
        if name == "connect" and isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == client:
            if not Place(module, here, function).holds():
                yield here
        elif deep and name in module.functions and not Place(module, here, function).holds():
            for inner in module.functions[name]:
                if inner is not function:
                    yield from _connects(module, inner, client, file, deep - 1)
