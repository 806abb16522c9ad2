"""Functions of the program that Paramiko calls: on its transport thread, or on the caller's during connect()."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from paramedic.lint import calls, concurrency
from paramedic.lint.values import ClassValue, Function, Instance, Obj, Unknown, Value, alternatives

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker


def callbacks(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> None:
    """Functions that a method of Paramiko will call on its transport thread.

    Threads: the reader's own; does not block.
    """
    transport = next((o for o in obj.lineage() if o.kind == "transport"), obj)
    if name == "connect":
        _unknown_key(w, obj, node)
    elif name == "set_missing_host_key_policy" and args:
        obj.root.parts["__policy"] = args[0]
    elif name == "request_port_forward":
        given = args[2] if len(args) > 2 else keywords.get("handler")
        if given is not None:
            channel = w.make("channel", node, transport)
            concurrency.handler(w, "transport", given, [channel, Unknown("origin"), Unknown("server")], node, transport)
    elif name in {"auth_interactive", "auth_interactive_dumb"}:
        given = args[1] if len(args) > 1 else keywords.get("handler")
        if given is not None:
            fields = [Unknown("title"), Unknown("instructions"), Unknown("prompts")]
            concurrency.handler(w, "transport", given, list(fields), node, transport)
    elif name == "request_x11":
        given = args[4] if len(args) > 4 else keywords.get("handler")
        if given is not None:
            channel = w.make("channel", node, transport)
            concurrency.handler(w, "transport", given, [channel, Unknown("address")], node, transport)
    elif name == "start_server":
        given = keywords.get("server", args[1] if len(args) > 1 else None)
        for option in alternatives(given) if given is not None else ():
            if isinstance(option, Instance):
                _server_checks(w, option, node, transport)


def _unknown_key(w: Walker, client: Obj, node: ast.AST) -> None:
    """connect() asks the policy about an unknown key, on the caller's own thread (client.py, SSHClient.connect)."""
    policy = client.root.parts.get("__policy")
    for option in alternatives(policy) if policy is not None else ():
        if isinstance(option, ClassValue):
            option = Instance(option, ())
        if isinstance(option, Instance) and option.cls.find("missing_host_key") is not None:
            calls.call_method(w, option, "missing_host_key", [client, Unknown("hostname"), Unknown("key")], {}, node)


def _server_checks(w: Walker, server: Instance, node: ast.AST, transport: Obj) -> None:
    for name, member in [(n, m) for c in server.cls.lineage() for n, m in c.members.items()]:
        if isinstance(member, Function) and (name.startswith("check_") or name.startswith("cancel_")):
            unknown: list[Value] = [Unknown(a.arg) for a in member.node.args.args[1:]]
            concurrency.handler(w, "transport", member.bind(server), unknown, node, transport)
