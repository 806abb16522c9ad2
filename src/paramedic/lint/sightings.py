"""What a program does at all, right or wrong: without it nobody can say that an item of the checklist passes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from paramedic.lint import api
from paramedic.lint.contexts import WORKERS
from paramedic.lint.values import Const, Value

if TYPE_CHECKING:
    from paramedic.lint.facts import SourceFacts

Sightings = dict[str, list[str]]
"""By kind, the places (``file:line``)."""

_TEXTS = {
    "debug-logging": re.compile(r"log_to_file\(|getLogger\(\s*['\"]paramiko|['\"]paramiko(\.\w+)*['\"]\s*:\s*\{"),
    "thread-dumps": re.compile(
        r"faulthandler\.(register|enable|dump_traceback_later|dump_traceback)\(|sys\._current_frames"
    ),
    "callbacks": re.compile(
        r"\basync def |\bsignal\.signal\(|\.add_signal_handler\(|\bos\.fork\(|\bmultiprocessing\.\w"
        r"|ProcessPoolExecutor\("
    ),
    "known-hosts": re.compile(r"load_system_host_keys\(|load_host_keys\(|RejectPolicy|get_host_keys\(\)\.add"),
}

_PARAMIKO = frozenset(api.KIND_WORDS) - {"lock", "executor"}
_COMMANDS = frozenset({"exec_command", "invoke_shell", "invoke_subsystem", "run", "sudo", "shell", "execute"})
_VISITORS = frozenset({"transport", "signal", "logging", "loop", "process"})
"""Kinds of contexts that come in between what the program's threads do."""


def _given(value: Value | None) -> bool:
    return value is not None and not (isinstance(value, Const) and value.value is None)


def sightings(facts: SourceFacts) -> Sightings:
    """Connections, threads, locks, futures and habits, each with the places where they are.

    Threads: pure.
    """
    found: dict[str, dict[str, None]] = {}

    def see(kind: str, file: str, line: int) -> None:
        found.setdefault(kind, {})[f"{file}:{line}"] = None

    for operation in facts.operations:
        site = operation.site
        for effect, kind in (
            ("connect", "connections"),
            ("open", "channels"),
            ("submit", "futures"),
            ("close", "closes"),
            ("acquire", "locks"),
            ("read:stdout", "commands"),
            ("read:stderr", "commands"),
            ("status", "commands"),
        ):
            if operation.has(effect) and (kind != "locks" or operation.obj.kind == "lock"):
                see(kind, site.file, site.line)
        if operation.obj.kind in _PARAMIKO:
            see("uses", site.file, site.line)
        if operation.method in _COMMANDS and (operation.has("open") or operation.has("request")):
            see("commands", site.file, site.line)
            if operation.method == "exec_command" and _given(operation.argument(2, "timeout")):
                see("exec-timeouts", site.file, site.line)
        if operation.coroutine or operation.on_loop:
            see("callbacks", site.file, site.line)
        if operation.method == "settimeout" or any("timeout" in keyword for keyword in operation.keywords):
            see("timeouts", site.file, site.line)
    for context in facts.contexts:
        if context.kind in WORKERS and context.site is not None:
            see("threads", context.site.file, context.site.line)
        elif context.kind in _VISITORS and context.site is not None:
            see("callbacks", context.site.file, context.site.line)
    for path, module in facts.world.modules.items():
        text = module.source.text
        for kind, pattern in _TEXTS.items():
            for match in pattern.finditer(text):
                start = text.rfind("\n", 0, match.start()) + 1
                if not text[start : match.start()].lstrip().startswith("#"):
                    see(kind, str(path), text.count("\n", 0, match.start()) + 1)
    return {kind: list(places) for kind, places in found.items()}
