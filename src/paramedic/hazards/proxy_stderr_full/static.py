"""Seen in source: a ProxyCommand that writes much to its standard error."""

from __future__ import annotations

import re
from collections.abc import Iterable

from paramedic.hazards.proxy_stderr_full import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.values import text_of
from paramedic.model.finding import Finding

_CHATTY = re.compile(r"(^|\s)(-v+|--verbose|--debug|-o\s*LogLevel=(DEBUG|VERBOSE)\w*)(\s|$)", re.IGNORECASE)


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Proxies that were told to be chatty, with nobody to read what they say.

    Threads: pure.
    """
    for proxy in facts.having("spawn-proxy"):
        given = proxy.argument(0, "command_line")
        command = text_of(given) if given is not None else None
        if command is None or not _CHATTY.search(command) or "2>" in command or facts.says(".process.stderr"):
            continue
        message = "The ProxyCommand is chatty and nobody reads its standard error: after 64 KiB it stops"
        yield facts.finding(HAZARD, message, [facts.step(proxy, "starts the proxy")], objects=[proxy.obj])
