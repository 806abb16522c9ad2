"""Fixes that a machine can make: replacements of a few source lines."""

from __future__ import annotations

import ast
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


def read_first(facts: SourceFacts, status: Operation, reads: list[Operation]) -> tuple[Edit, ...]:
    """Moves a statement that waits for the exit status below the reads that follow it in the same block.

    Only where all of them are plain assignments or calls on lines of their own, and none needs the status.

    Threads: pure.
    """
    block, index = _statement(facts, status.site)
    places = {r.site.line for r in reads if r.site.file == status.site.file}
    if not block or status.site.file.endswith(".ipynb"):
        return ()
    waits = block[index]
    if isinstance(waits, ast.Expr) and waits.value is not status.call:
        return ()  # what is done with the status might have to come before the reads
    last = index
    for position in range(index + 1, len(block)):
        if not _is_plain(block[position]):
            break
        if places & set(range(block[position].lineno, (block[position].end_lineno or 0) + 1)):
            last = position
    moved = block[index : last + 1]
    given = {n.id for n in ast.walk(block[index]) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    used = {n.id for s in moved[1:] for n in ast.walk(s) if isinstance(n, ast.Name)}
    apart = all(a.end_lineno is not None and a.end_lineno < b.lineno for a, b in zip(moved, moved[1:], strict=False))
    if last == index or not _is_plain(block[index]) or given & used or not apart:
        return ()
    if last + 1 < len(block) and (block[last].end_lineno or 0) >= block[last + 1].lineno:
        return ()
    first, middle, end = moved[0].lineno, moved[0].end_lineno or moved[0].lineno, moved[-1].end_lineno or 0
    lines = [facts.line(Site(file=status.site.file, line=n)) + "\n" for n in range(first, end + 1)]
    cut = middle - first + 1
    text = "".join([*lines[cut:], *lines[:cut]])
    return (Edit(file=status.site.file, first_line=first, last_line=end, text=text, safe=True),)


def add_line_below(facts: SourceFacts, operation: Operation, code: str) -> tuple[Edit, ...]:
    """Puts a statement about the operation's object, ``{}`` in the code, below its statement.

    Threads: pure.
    """
    block, index = _statement(facts, operation.site)
    call = operation.call
    if not block or call is None or not isinstance(call.func, ast.Attribute) or operation.site.file.endswith(".ipynb"):
        return ()
    statement, end = block[index], block[index].end_lineno or 0
    if not isinstance(call.func.value, (ast.Name, ast.Attribute)) or not isinstance(statement, ast.Expr):
        return ()
    line = facts.line(Site(file=operation.site.file, line=statement.lineno))
    indent = line[: len(line) - len(line.lstrip())]
    if index + 1 < len(block) and block[index + 1].lineno <= end:
        return ()
    text = indent + code.format(ast.unparse(call.func.value)) + "\n"
    return (Edit(file=operation.site.file, first_line=end + 1, last_line=end, text=text, safe=False),)


def _is_plain(statement: ast.stmt) -> bool:
    return isinstance(statement, (ast.Assign, ast.AnnAssign, ast.Expr))


def _statement(facts: SourceFacts, site: Site) -> tuple[list[ast.stmt], int]:
    """The innermost block and the position in it of the statement that stands on a line."""
    found: tuple[list[ast.stmt], int] = ([], 0)
    module = next((m for path, m in facts.world.modules.items() if str(path) == site.file), None)
    waiting: list[ast.AST] = [module.tree] if module is not None else []
    while waiting:
        node = waiting.pop()
        for name in ("body", "orelse", "finalbody", "handlers"):
            block = getattr(node, name, None)
            if not isinstance(block, list):
                continue
            for index, statement in enumerate(block):
                if statement.lineno <= site.line <= (statement.end_lineno or statement.lineno):
                    waiting.append(statement)
                    if isinstance(statement, ast.stmt):
                        found = (block, index)
    return found
