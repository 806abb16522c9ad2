"""Functions of the program that Paramiko calls: on its transport thread, or on that of who calls connect() or put()."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from paramedic.lint import calls, concurrency
from paramedic.lint.values import Bound, ClassValue, Function, Instance, Obj, Partial, Unknown, Value, alternatives

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker


_TRANSFERS = {"get": 2, "put": 2, "getfo": 2, "putfo": 3}
"""Of SFTPClient, with the position of ``callback=``, which is called for each block (sftp_client.py, put())."""


def callbacks(w: Walker, obj: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> None:
    """Functions that a method of Paramiko will call on its transport thread.

    Threads: the reader's own; does not block.
    """
    if obj.kind in {"sftp", "pysftp"} and name in _TRANSFERS:
        _progress(w, name, args, keywords, node)
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


def _progress(w: Walker, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> None:
    """What a transfer calls as it goes on, on the thread of its caller and under the caller's locks."""
    position = _TRANSFERS[name]
    given = args[position] if len(args) > position else keywords.get("callback")
    for option in alternatives(given) if given is not None else ():
        if isinstance(option, (Function, Bound, Partial)):
            calls.call(w, option, [Unknown("done"), Unknown("total")], {}, node)


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
