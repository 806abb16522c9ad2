"""The ``match`` statement: a run takes one of its cases, and a pattern's names are parts of what is matched."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from paramedic.lint import attributes, blocks, ranks, roles
from paramedic.lint.values import Collection, Const, Unknown, Value

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker


def _match(w: Walker, node: ast.Match) -> bool:
    if all(case.guard is None for case in node.cases):
        for case in node.cases:
            role = _role(w, node.subject, case.pattern)
            if role is None:
                break
            if role:
                return w.block(case.body)
        else:
            return False  # none of them
    return _cases(w, w.evaluate(node.subject), node.cases)


def _role(w: Walker, subject: ast.expr, pattern: ast.pattern) -> bool | None:
    """Whether a case is that of the thread which comes here; None where that is not known."""
    if isinstance(pattern, ast.MatchValue):
        return roles.settled(w, ast.Compare(subject, [ast.Eq()], [pattern.value]))
    if isinstance(pattern, ast.MatchAs) and pattern.pattern is None and pattern.name is None:
        return True
    return None


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
    return blocks.arms(w, lambda: w.block(case.body), lambda: _cases(w, subject, cases[1:]), _asked(subject, case))


def _asked(subject: Value, case: ast.match_case) -> Value | None:
    """What ``case 0:`` asks for."""
    pattern = case.pattern
    if not isinstance(pattern, ast.MatchValue) or not isinstance(pattern.value, ast.Constant):
        return None
    same = ranks.compared(ast.Eq(), subject, Const(pattern.value.value))
    return same if case.guard is None else Unknown(rank=ranks.joined(ast.And(), [same]))


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
