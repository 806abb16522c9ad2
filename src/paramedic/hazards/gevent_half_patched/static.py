"""Seen in source: gevent's patches without threads, or after Paramiko was imported."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from paramedic.hazards.gevent_half_patched import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.modules import Module
from paramedic.model.finding import Finding

_WRAPPERS = {"paramiko", "fabric", "netmiko", "scp", "sshtunnel", "pysftp"}


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Modules that patch sockets but not threads, or patch after the import of Paramiko.

    Threads: pure.
    """
    for module in facts.modules:
        text = module.source.text
        if "patch_" in text and ("gevent" in text or "eventlet" in text):
            yield from _in_module(facts, module)


def _in_module(facts: SourceFacts, module: Module) -> Iterable[Finding]:
    imported: int | None = None
    for statement in module.tree.body:
        names = [a.name for a in statement.names] if isinstance(statement, ast.Import) else []
        if isinstance(statement, ast.ImportFrom) and statement.module:
            names = [statement.module]
        if imported is None and any(n.split(".")[0] in _WRAPPERS for n in names):
            imported = statement.lineno
        for call in (n for n in ast.walk(statement) if isinstance(n, ast.Call)):
            if isinstance(statement, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
                break
            message = _trouble(ast.unparse(call.func).rsplit(".", 1)[-1], call, imported, facts)
            if message:
                yield facts.finding(HAZARD, message, [facts.step_on(module, call, "patches the standard library")])
                return


def _trouble(name: str, call: ast.Call, imported: int | None, facts: SourceFacts) -> str:
    if name == "patch_all":
        for keyword in call.keywords:
            if keyword.arg == "thread" and isinstance(keyword.value, ast.Constant) and keyword.value.value is False:
                return "gevent patches sockets but not threads: Paramiko's thread is real and its socket is not"
        if imported is not None and imported < call.lineno:
            return f"gevent patches after Paramiko was imported (line {imported}): it keeps the unpatched modules"
    if name == "patch_socket" and not facts.says("patch_thread", "patch_all"):
        return "gevent patches sockets but not threads: Paramiko's thread is real and its socket is not"
    return ""
