"""Seen in source: unknown host keys accepted."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from paramedic.hazards.host_key_not_verified import HAZARD
from paramedic.lint.edits import add_line_below, replace_in_line
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.lint.values import ClassValue, Const, Function, Instance, Unknown, Value, alternatives
from paramedic.model.finding import Confidence, Finding

_POLICIES = {"autoadd": "AutoAddPolicy", "warnpolicy": "WarningPolicy"}


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Clients that take any key of a host that they do not know, and transports that compare none.

    Threads: pure.
    """
    done: set[tuple[str, int]] = set()
    for call in (o for o in facts.operations if o.method == "set_missing_host_key_policy"):
        place = (call.site.file, call.site.line)
        policy = next((_POLICIES[k] for k in facts.kinds(call.args) if k in _POLICIES), None)
        policy = policy or next((name for value in call.args for name in _own_trusting(value)), None)
        if policy is not None and place not in done:
            done.add(place)
            message = f"{policy} accepts whatever key an unknown host shows: somebody in between is trusted too"
            edits = replace_in_line(facts, call.site, policy, "RejectPolicy", safe=False)
            if edits and not (facts.says("load_system_host_keys", "load_host_keys")):
                edits += add_line_below(facts, call, "{}.load_system_host_keys()")
            yield facts.finding(
                HAZARD,
                message,
                [facts.step(call)],
                confidence=Confidence.ADVICE,
                objects=[call.obj],
                edits=edits,
            )
    if facts.says("get_remote_server_key"):
        return
    for login in facts.having("auth", kinds={"transport"}):
        place = (login.site.file, login.site.line)
        if login.method.startswith("auth_"):
            if place in done or not _dialled_by_hand(facts, login):
                continue
            message = f"{login.method}() logs in to whoever answers: nobody has looked at the server's key"
        else:
            key = login.argument(0, "hostkey") if login.method == "connect" else Unknown()
            none = key is None or isinstance(key, Const) and key.value is None
            if place in done or not none or "**" in login.keywords:
                continue
            message = "Transport.connect() without hostkey= compares the server's key with nothing"
        done.add(place)
        yield facts.finding(HAZARD, message, [facts.step(login)], confidence=Confidence.ADVICE, objects=[login.obj])


def _dialled_by_hand(facts: SourceFacts, login: Operation) -> bool:
    """Whether the transport was made here, and its handshake made by start_client(), which compares no key.

    One that an SSHClient gave has been checked by that; connect() may have been given the key to expect.
    """
    mine = [o for o in facts.of(login.obj, "dial", "auth", "connect") if o.moment < login.moment]
    return (
        login.obj.root.kind == "transport"
        and any("dial" in o.effects for o in mine)
        and not any(o.method == "connect" for o in mine)
    )


_HARMLESS = frozenset(
    """add append warning warn info debug error log print put format get_name get_base64 get_fingerprint hexlify hex
    decode encode get_host_keys save_host_keys save join write flush getLogger asbytes b64encode rstrip strip
    md5 sha1 sha256 sha512 new digest hexdigest str repr bytes upper lower now isoformat strftime setdefault open dump
    dumps""".split()
)
"""Calls that decide nothing about a key."""


def _own_trusting(value: Value) -> Iterable[str]:
    """The name of a policy class of the tree that never says no and asks nobody."""
    for option in alternatives(value):
        cls = option.cls if isinstance(option, Instance) else option if isinstance(option, ClassValue) else None
        decides = cls.find("missing_host_key") if cls is not None else None
        if cls is None or not isinstance(decides, Function):
            continue
        inner = list(ast.walk(decides.node))
        calls = [n.func for n in inner if isinstance(n, ast.Call)]
        names = {f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "") for f in calls}
        if names <= _HARMLESS and not any(isinstance(n, ast.Raise) for n in inner):
            yield cls.name
