"""Loops that read a channel until it is closed, or until its end is known, and not until its buffer is empty.

``while not channel.closed: if channel.recv_ready(): …`` ends when the transport's thread has noted the peer's CLOSE
(channel.py ``Channel._handle_close``, Paramiko 5.1.0), whatever is in the buffer by then: nobody reads that any more.

Threads: one thread; reads the files that stacks name, each once.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from paramedic.lint.names import Names, covers, last_line, own, tail
from paramedic.model.finding import Site

_ENDS = frozenset(("closed", "eof_received"))
_READY = frozenset(("recv_ready", "recv_stderr_ready"))
_READS = frozenset("recv recv_stderr read readline readlines readinto makefile makefile_stderr".split())


class ClosedLoops:
    """Reads each file once.

    Threads: one thread; reads the files that stacks name.
    """

    def __init__(self) -> None:
        self._names = Names()

    def ends(self, look: Sequence[Site]) -> str:
        """What ends the loop around a look at a channel, as ``channel.closed``; "" if something else does.

        Args:
            look: stack of the look, innermost first.
        """
        if not look or not self._names.knows(look[0].file):
            return ""
        return ended_by(list(own(self._names.scope(look[0]))), look[0].line)


def ended_by(inside: Iterable[ast.AST], line: int) -> str:
    """What ends the loop around a line of a function, with nothing read after it; "" if there is no such loop.

    Args:
        inside: all nodes of the function.
        line: where a channel is looked at, or read.

    Threads: pure.
    """
    nodes = list(inside)
    for loop in nodes:
        if not isinstance(loop, ast.While) or not covers(loop, line):
            continue
        end = _end(loop)
        calls = [n for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]
        looked_at = {ast.unparse(c.func.value) for c in calls if tail(c.func) in _READY and covers(loop, c.lineno)}  # type: ignore[attr-defined]
        later = any(tail(c.func) in _READS | _READY for c in calls if c.lineno > last_line(loop))
        if end is not None and ast.unparse(end.value) in looked_at and not later:
            return ast.unparse(end)
    return ""


def _end(loop: ast.While) -> ast.Attribute | None:
    """``x.closed`` of ``while not x.closed``, also with ``and …`` after it, but not with ``or x.recv_ready()``.

    The same for ``if x.closed: break`` among the statements of the loop, where that is all that is asked.
    """
    test = loop.test
    parts = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]
    asked = [part.operand for part in parts if isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.Not)]
    asked += [each.test for each in loop.body if isinstance(each, ast.If) and _only_leaves(each)]
    return next((one for one in asked if isinstance(one, ast.Attribute) and one.attr in _ENDS), None)


def _only_leaves(branch: ast.If) -> bool:
    """Whether a branch ends the loop, and reads nothing on the way."""
    reads = any(isinstance(n, ast.Call) and tail(n.func) in _READS | _READY for s in branch.body for n in ast.walk(s))
    return isinstance(branch.body[-1], ast.Break | ast.Return) and not reads
