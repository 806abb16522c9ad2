"""What a thread does before, or after, a call: itself, in the functions that it calls, in the ``with`` around it.

Threads: one thread.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from paramedic.lint.identity import Identity
from paramedic.lint.passages import File, Place, at, name_of

TELLS = frozenset("kill killpg raise_signal pthread_kill".split())
"""What sends a signal: the handlers' doings are the sender's."""
_MOST_CALLS = 2


@dataclass(frozen=True, slots=True)
class Done:
    """Something that is done.

    Attributes:
        identity: of the variables of the file that it is in.
        node: a statement, or a part of one.
        again: whether it is done again and again, each time with a call of the same line.
        words: what is said by it: the constants that it is called with, or those through whom it is called.
        leaves: whether it is the expression of a ``with`` that is left.
    """

    identity: Identity
    node: ast.AST
    again: bool
    words: frozenset[str] = frozenset()
    leaves: bool = False


def done(identity_of: Callable[[File], Identity], places: Sequence[Place], late: bool) -> Iterator[Done]:
    """What those on a stack do.

    Args:
        identity_of: the variables of a file.
        places: of the stack, innermost first.
        late: after the call, not before it.
    """
    for depth, place in enumerate(places):
        identity = identity_of(place.file)
        above = any(outer.loops() for outer in places[depth + 1 :])
        loops = place.loops()
        for node in place.after() if late else place.before():
            again = above or _is_in(node, loops)
            yield from _deep(Done(identity, node, again, words_of(node)), _MOST_CALLS)
        for passed in place.passed():
            if not passed.inside:
                continue
            again = above or _is_in(passed.node, loops)
            for statement in identity.managers(passed.node, ends=late):
                for inner in ast.walk(statement):
                    yield Done(identity, inner, again, words_of(inner))
            if late:
                yield Done(identity, passed.node, again, leaves=True)


def _is_in(node: ast.AST, loops: Sequence[ast.AST]) -> bool:
    """Whether a node stands in one of the loops."""
    return any(at(loop)[0] <= at(node)[0] <= getattr(loop, "end_lineno", 0) for loop in loops)


def words_of(node: ast.AST) -> frozenset[str]:
    """The texts that a call, or an assignment, has in it, but for those that say nothing: blanks and line ends.

    Threads: pure.
    """
    return words_in(node) if isinstance(node, ast.Call | ast.Assign | ast.AugAssign) else frozenset()


def words_in(node: ast.AST) -> frozenset[str]:
    """The texts that anything has in it.

    Threads: pure.
    """
    return frozenset(text_of(n.value) for n in ast.walk(node) if isinstance(n, ast.Constant)) - {""}


def text_of(value: object) -> str:
    """``DONE`` of ``b"DONE\\n"``; "" of what is no text.

    Threads: pure.
    """
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    return value.strip() if isinstance(value, str) else ""


def _deep(one: Done, calls: int) -> Iterator[Done]:
    yield one
    if not calls or not isinstance(one.node, ast.Call):
        return
    identity = one.identity
    functions = identity.meant(one.node)
    if name_of(one.node.func) in TELLS:
        functions = [(identity, handler) for handler in identity.handlers()]
    for inside, function in functions:
        for node in inside.file.own(function):
            yield from _deep(Done(inside, node, one.again, one.words | words_of(node)), calls - 1)
