"""Seen in source: known_hosts rewritten by several threads."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.known_hosts_race import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.model.finding import Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Calls of save_host_keys, or connects that make AutoAddPolicy call it, that several threads may make at once.

    Threads: pure.
    """
    savers = [o for o in facts.having("save-keys", "connect") if o.has("save-keys") or _saves(facts, o)]
    for position, a in enumerate(savers):
        for b in savers[position:]:
            # The file is shared whoever owns the client, so the object does not matter, only the threads.
            if facts.concurrent(a, b, facts.anywhere) and not facts.common_locks(a, b):
                what = "save_host_keys()" if a.has("save-keys") else "connect() with AutoAddPolicy and load_host_keys()"
                message = f"Several threads may rewrite the known hosts file at once, by {what}"
                yield facts.finding(HAZARD, message, facts.steps_of(a, b), objects=[a.obj])
                return


def _saves(facts: SourceFacts, connect: Operation) -> bool:
    """AutoAddPolicy saves the file that load_host_keys named (client.py, AutoAddPolicy.missing_host_key)."""
    mine = [o for o in facts.operations if o.obj is connect.obj and o.moment < connect.moment]
    loads = any(o.method == "load_host_keys" for o in mine)
    return loads and any(o.method == "set_missing_host_key_policy" and "autoadd" in facts.kinds(o.args) for o in mine)
