"""Servers of the standard library that make a thread, or a process, for each request.

Threads: one thread, the reader's own; nothing here blocks.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from paramedic.lint import concurrency
from paramedic.lint.values import ClassValue, Const, Function, Instance, Obj, Unknown, Value, alternatives

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker


def serve(w: Walker, given: Value, node: ast.AST, kind: str = "server", server: Obj | None = None) -> None:
    """A server that makes a request handler and a thread (or, as a kind, a process) for each request.

    Threads: the reader's own; does not block.
    """
    for option in alternatives(given):
        if not isinstance(option, ClassValue):
            continue
        with w.looping(w.world.number()):
            for name, member in [(n, m) for c in option.lineage() for n, m in c.members.items()]:
                if isinstance(member, Function) and (name.startswith("do_") or name == "handle"):
                    instance = Instance(option, w.loops)
                    instance.attrs |= {"server": server.root.instance or server} if server is not None else {}
                    concurrency.handler(w, kind, member.bind(instance), [], node)


def on_server(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
    """A method of a server.

    Threads: the reader's own; does not block.
    """
    if name == "__init__":
        given = keywords.get("RequestHandlerClass", args[1] if len(args) > 1 else None)
        if given is not None:
            before = len(w.world.pending)
            forks = any(".Forking" in path for path in _paths_of(obj))
            serve(w, given, node, "process" if forks else "server", obj)
            w.world.contexts_of.setdefault(id(obj.root), []).extend(w.world.pending[before:])
    elif name in {"server_close", "__exit__"} and not _has_daemons(obj):
        concurrency.join(w, obj)
    return Unknown()


def _has_daemons(server: Obj) -> bool:
    """Whether closing a threading server leaves its request threads alone (socketserver.py, ThreadingMixIn)."""
    said = server.root.parts.get("daemon_threads")
    instance = server.root.instance
    if instance is not None:
        said = instance.attrs.get("daemon_threads") or instance.cls.find("daemon_threads") or said
    if isinstance(said, Const):
        return bool(said.value)
    return any(path.endswith("ThreadingHTTPServer") for path in _paths_of(server))


def _paths_of(server: Obj) -> list[str]:
    instance = server.root.instance
    return list(instance.cls.external_bases()) if instance is not None else [server.root.label]
