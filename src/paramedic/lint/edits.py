"""Fixes that a machine can make: replacements of single source lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from paramedic.model.finding import Edit, Site

if TYPE_CHECKING:
    from paramedic.lint.facts import SourceFacts
    from paramedic.lint.operations import Operation


def replace_in_line(facts: SourceFacts, site: Site, old: str, new: str, *, safe: bool = True) -> tuple[Edit, ...]:
    """Replaces one text on the line of a site; nothing where it does not stand there exactly once.

    Threads: pure.
    """
    line = facts.line(site)
    if line.count(old) != 1 or site.file.endswith(".ipynb"):
        return ()
    text = line.replace(old, new) + "\n"
    return (Edit(file=site.file, first_line=site.line, last_line=site.line, text=text, safe=safe),)


def add_argument(facts: SourceFacts, operation: Operation, argument: str) -> tuple[Edit, ...]:
    """Adds a keyword argument to a call; unsafe, because a limit that nobody had changes what happens.

    Threads: pure.
    """
    call = operation.call
    if call is None or call.end_lineno is None or call.end_col_offset is None or operation.site.file.endswith(".ipynb"):
        return ()
    last = facts.line(Site(file=operation.site.file, line=call.end_lineno))
    encoded = last.encode()
    before, after = encoded[: call.end_col_offset - 1].decode(), encoded[call.end_col_offset - 1 :].decode()
    if not after.startswith(")") or any(k.arg is None for k in call.keywords):
        return ()
    stripped = before.rstrip()
    glue = "" if stripped.endswith(("(", ",")) or not stripped else ", "
    glue = " " if stripped.endswith(",") and not before.endswith(" ") else glue
    text = f"{before}{glue}{argument}{after}\n"
    line = call.end_lineno
    return (Edit(file=operation.site.file, first_line=line, last_line=line, text=text, safe=False),)


def consume_results(facts: SourceFacts, site: Site) -> tuple[Edit, ...]:
    """Makes a bare ``pool.map(…)`` raise what its calls raised; only where the statement is one line.

    Threads: pure.
    """
    line = facts.line(site)
    match = re.match(r"^(\s*)([\w.]+\.(map|starmap)\(.*\))\s*(#.*)?$", line)
    if match is None or line.count("(") != line.count(")") or site.file.endswith(".ipynb"):
        return ()
    comment = f"  {match.group(4)}" if match.group(4) else ""
    text = f"{match.group(1)}list({match.group(2)}){comment}\n"
    return (Edit(file=site.file, first_line=site.line, last_line=site.line, text=text, safe=False),)
