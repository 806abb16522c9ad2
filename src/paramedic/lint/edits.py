"""Fixes that a machine can make: replacements of a few source lines."""

from __future__ import annotations

import ast
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
    given = [*call.args, *(k.value for k in call.keywords)]
    if any(k.arg is None for k in call.keywords) or any(isinstance(a, ast.GeneratorExp) for a in given):
        return ()
    line, column, glue = call.end_lineno, call.end_col_offset - 1, ""
    if given:
        end, at = max((a.end_lineno or 0, a.end_col_offset or 0) for a in given)
        between = _code(facts, operation.site.file, (end, at), (line, column))
        if between not in {"", ","}:
            return ()  # parentheses around the last argument
        if not between:
            line, column, glue = end, at, ", "
    encoded = facts.line(Site(file=operation.site.file, line=line)).encode()
    before, after = encoded[:column].decode(), encoded[column:].decode()
    if not glue and before.endswith(","):
        glue = " "
    text = f"{before}{glue}{argument}{after}\n"
    return (Edit(file=operation.site.file, first_line=line, last_line=line, text=text, safe=False),)


def _code(facts: SourceFacts, file: str, start: tuple[int, int], end: tuple[int, int]) -> str:
    """What stands between two places that no string is between, without blanks and comments."""
    pieces = []
    for number in range(start[0], end[0] + 1):
        line = facts.line(Site(file=file, line=number)).encode()
        piece = line[start[1] if number == start[0] else 0 : end[1] if number == end[0] else len(line)]
        pieces.append(piece.decode().partition("#")[0].strip(" \t\f\\"))
    return "".join(pieces)


def consume_results(facts: SourceFacts, site: Site) -> tuple[Edit, ...]:
    """Makes a bare ``pool.map(…)`` raise what its calls raised; only where its lines hold nothing else.

    Threads: pure.
    """
    block, index = _statement(facts, site)
    statement = block[index] if block else None
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or site.file.endswith(".ipynb"):
        return ()
    first, last = call.lineno, call.end_lineno or call.lineno
    if call.func.attr not in {"map", "starmap"} or not _alone(facts, block, index, site.file):
        return ()
    lines = [facts.line(Site(file=site.file, line=number)).encode() for number in range(first, last + 1)]
    end = call.end_col_offset or 0
    lines[-1] = lines[-1][:end] + b")" + lines[-1][end:]
    lines[0] = lines[0][: call.col_offset] + b"list(" + lines[0][call.col_offset :]
    text = "".join(line.decode() + "\n" for line in lines)
    return (Edit(file=site.file, first_line=first, last_line=last, text=text, safe=False),)


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
    if not _alone(facts, block, index, status.site.file):
        return ()
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
    if not _alone(facts, block, index, operation.site.file):
        return ()
    statement, end = block[index], block[index].end_lineno or 0
    if not isinstance(call.func.value, (ast.Name, ast.Attribute)) or not isinstance(statement, ast.Expr):
        return ()
    line = facts.line(Site(file=operation.site.file, line=statement.lineno))
    indent = line[: len(line) - len(line.lstrip())]
    text = indent + code.format(ast.unparse(call.func.value)) + "\n"
    return (Edit(file=operation.site.file, first_line=end + 1, last_line=end, text=text, safe=False),)


def _is_plain(statement: ast.stmt) -> bool:
    return isinstance(statement, (ast.Assign, ast.AnnAssign, ast.Expr))


def _alone(facts: SourceFacts, block: list[ast.stmt], index: int, file: str) -> bool:
    """Whether nothing but one statement stands on its lines: no other one, and no ``try:`` or ``if …:`` before it."""
    statement = block[index]
    before = facts.line(Site(file=file, line=statement.lineno)).encode()[: statement.col_offset]
    end = statement.end_lineno or statement.lineno
    return not before.strip() and not (index + 1 < len(block) and block[index + 1].lineno <= end)


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
