"""The ``match`` statement: a run takes one of its cases, and a pattern's names are parts of what is matched."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from paramedic.lint import attributes, blocks
from paramedic.lint.values import Collection, Unknown, Value

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker


def _match(w: Walker, node: ast.Match) -> bool:
    return _cases(w, w.evaluate(node.subject), node.cases)


def _cases(w: Walker, subject: Value, cases: list[ast.match_case]) -> bool:
    """A run takes one of them, or none."""
    if not cases:
        return False
    case = cases[0]
    _capture(w, case.pattern, subject)
    if case.guard is not None:
        w.evaluate(case.guard)
    elif isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None:
        return w.block(case.body)  # whatever it is
    return blocks.arms(w, lambda: w.block(case.body), lambda: _cases(w, subject, cases[1:]))


def _capture(w: Walker, pattern: ast.pattern, value: Value) -> None:
    """Binds the names of a pattern to the parts of what it matches."""
    if isinstance(pattern, ast.MatchAs):
        if pattern.name is not None:
            w.scope.assign(pattern.name, value)
        if pattern.pattern is not None:
            _capture(w, pattern.pattern, value)
    elif isinstance(pattern, ast.MatchSequence):
        known = value.items if isinstance(value, Collection) and len(value.items) == len(pattern.patterns) else None
        for number, one in enumerate(pattern.patterns):
            _capture(w, one, known[number] if known is not None else Unknown())
    elif isinstance(pattern, ast.MatchClass):
        for one in pattern.patterns:
            _capture(w, one, Unknown())
        for name, one in zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True):
            _capture(w, one, attributes.read(w, value, name, one))
    elif isinstance(pattern, (ast.MatchOr, ast.MatchMapping)):
        for one in pattern.patterns:
            _capture(w, one, value if isinstance(pattern, ast.MatchOr) else Unknown())
    rest = pattern.name if isinstance(pattern, ast.MatchStar) else getattr(pattern, "rest", None)
    if rest is not None:
        w.scope.assign(rest, Unknown(rest))


READERS: dict[type[ast.AST], Callable[[Walker, Any], bool]] = {ast.Match: _match}
