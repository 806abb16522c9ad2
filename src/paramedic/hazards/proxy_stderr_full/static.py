"""Seen in source: a ProxyCommand that writes much to its standard error."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from paramedic.hazards.proxy_stderr_full import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.lint.values import Const, Value, alternatives, text_of
from paramedic.model.finding import Finding

_RELAYS = re.compile(r"socket|connect|\bnc\b|relay|tunnel", re.IGNORECASE)
_SAYS = re.compile(r"os\.write\(2|sys\.stderr|>&\s*2")
_CHATTY = re.compile(r"(^|\s)(-v+|--verbose|--debug|-o\s*LogLevel=(DEBUG|VERBOSE)\w*)(\s|$)", re.IGNORECASE)


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Proxies that were told to be chatty, with nobody to read what they say.

    Threads: pure.
    """
    for proxy in facts.having("spawn-proxy"):
        given = proxy.argument(0, "command_line")
        command = text_of(given) if given is not None else None
        told = command is not None and _CHATTY.search(command) is not None
        if not (told or _has_a_chatty_script(facts, given, proxy)) or "2>" in (command or ""):
            continue
        if facts.says("process.communicate") or any(_reads_errors(m.tree) for m in facts.world.modules.values()):
            continue
        message = "The ProxyCommand is chatty and nobody reads its standard error: after 64 KiB it stops"
        yield facts.finding(HAZARD, message, [facts.step(proxy, "starts the proxy")], objects=[proxy.obj])


def _reads_errors(tree: ast.Module) -> bool:
    """Whether anything but a close() happens to a ``process.stderr``."""
    closed: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "close":
            closed.add(id(node.value))
        elif isinstance(node, ast.For) and isinstance(node.iter, (ast.Tuple, ast.List)):
            if {n.attr for one in node.body for n in ast.walk(one) if isinstance(n, ast.Attribute)} == {"close"}:
                closed.update(map(id, node.iter.elts))
    return any(
        isinstance(node, ast.Attribute)
        and node.attr == "stderr"
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == "process"
        and id(node) not in closed
        for node in ast.walk(tree)
    )


def _has_a_chatty_script(facts: SourceFacts, given: Value | None, proxy: Operation) -> bool:
    """Whether the relay is a script that stands in the program's own source, and writes to standard error in a loop."""
    known = given is not None and all(isinstance(o, Const) and not o.partial for o in alternatives(given))
    module = next((m for m in facts.world.modules.values() if str(m.source.path) == proxy.site.file), None)
    if known or module is None or not _SAYS.search(module.source.text):
        return False
    if any(_is_chatty(text, set()) for text in facts.world.scripts):
        return True
    words = {id(n.value) for n in ast.walk(module.tree) if isinstance(n, ast.Expr)}  # docstrings
    told = {n.value for n in ast.walk(module.tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return any(
        isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_chatty(node.value, told)
        for node in ast.walk(module.tree)
        if id(node) not in words
    )


def _is_chatty(script: str, told: set[str]) -> bool:
    """Whether a text is a relay that writes to standard error again and again."""
    return (
        re.search(r"^\s*(import |from \w+ import|#!)", script, re.MULTILINE) is not None
        and re.search(r"\b(while|for)\b", script) is not None
        and _RELAYS.search(script) is not None
        and any(_is_on(line, told) for line in script.splitlines() if _SAYS.search(line))
    )


def _is_on(line: str, told: set[str]) -> bool:
    """Whether a line of the script is run: if it asks for a word such as "verbose", the program has to say that."""
    asked = re.findall(r"""(?:==|\bin)\s*\(?["'](\w+)["']|["'](\w+)["']\s*(?:==|in\b)""", line)
    return not asked or any({*words} & told for words in asked)
