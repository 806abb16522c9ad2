"""What a program does at all, right or wrong: without it nobody can say that an item of the checklist passes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from paramedic.lint.contexts import WORKERS

if TYPE_CHECKING:
    from paramedic.lint.facts import SourceFacts

Sightings = dict[str, list[str]]
"""By kind, the places (``file:line``)."""

_TEXTS = {
    "debug-logging": re.compile(r"log_to_file\(|getLogger\(\s*['\"]paramiko|['\"]paramiko(\.\w+)*['\"]\s*:\s*\{"),
    "thread-dumps": re.compile(
        r"faulthandler\.(register|enable|dump_traceback_later|dump_traceback)\(|sys\._current_frames"
    ),
    "known-hosts": re.compile(r"load_system_host_keys\(|load_host_keys\(|RejectPolicy|get_host_keys\(\)\.add"),
}


def sightings(facts: SourceFacts) -> Sightings:
    """Connections, threads, locks, futures and habits, each with the places where they are.

    Threads: pure.
    """
    found: Sightings = {}

    def see(kind: str, file: str, line: int) -> None:
        places = found.setdefault(kind, [])
        place = f"{file}:{line}"
        if place not in places:
            places.append(place)

    for operation in facts.operations:
        site = operation.site
        for effect, kind in (
            ("connect", "connections"),
            ("open", "channels"),
            ("submit", "futures"),
            ("close", "closes"),
            ("acquire", "locks"),
        ):
            if operation.has(effect) and (kind != "locks" or operation.obj.kind == "lock"):
                see(kind, site.file, site.line)
        if operation.method == "settimeout" or any("timeout" in keyword for keyword in operation.keywords):
            see("timeouts", site.file, site.line)
    for context in facts.contexts:
        if context.kind in WORKERS and context.site is not None:
            see("threads", context.site.file, context.site.line)
    for path, module in facts.world.modules.items():
        text = module.source.text
        for kind, pattern in _TEXTS.items():
            for match in pattern.finditer(text):
                start = text.rfind("\n", 0, match.start()) + 1
                if not text[start : match.start()].lstrip().startswith("#"):
                    see(kind, str(path), text.count("\n", 0, match.start()) + 1)
    return found
