"""Numbers of which each of several threads has another one, and what a branch that asks for one says of who takes it.

``for number in range(8)`` gives each thread that it starts a number of its own; a barrier gives one to each that has
met there. The value goes where the program hands it: ``args=(number,)``, ``leads = barrier.wait() == 0``, ``not rank``.

Threads: one thread; pure.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from paramedic.lint.operations import Operation
from paramedic.lint.values import Collection, Const, Loops, Unknown, Value

Choice = tuple[int | Operation, object]
"""What gives the numbers, a loop (its number in the reading) or the wait at a barrier; and the number that it is."""


@dataclass(frozen=True, slots=True)
class Rank:
    """What is known of a value that is another one in each of several threads.

    Attributes:
        source: what gives the numbers, where the value is such a number; None for an answer to a question about it.
        if_true: the choices that are made where the value is true.
        if_false: the same where it is false.
    """

    source: int | Operation | None
    if_true: tuple[Choice, ...] = ()
    if_false: tuple[Choice, ...] = ()


@dataclass(slots=True, eq=False)
class Counted(Collection):
    """What ``range()`` and ``enumerate()`` give: no number comes twice.

    Attributes:
        columns: where the numbers are, if the items are rows.
    """

    columns: tuple[int, ...] = (0,)


def numbered(source: Counted, items: Sequence[Value], loop: int, loops: Loops) -> list[Value]:
    """The items of what a loop counts, each with the number of its turn.

    Args:
        source: what is iterated over.
        items: what is counted, as the loop has it; none for ``range()``.
        loop: the loop's number in the reading.
        loops: the loops around the item.

    Threads: pure.
    """
    number = Unknown(loops=loops, rank=_number(loop))
    rows = [i for i in items if isinstance(i, Collection)]
    return [
        Collection([number if at in source.columns else i for at, i in enumerate(row.items)], length=row.length)
        for row in rows
    ] or [number]


def of_wait(wait: Operation) -> Unknown:
    """What a wait gives: for a barrier, the thread's number among those that have met.

    Threads: pure.
    """
    return Unknown(rank=_number(wait) if wait.obj.kind == "barrier" else None)


def compared(operation: ast.cmpop, left: Value, right: Value) -> Value:
    """The answer to ``number == 0``, and to the other ways to ask that.

    Threads: pure.
    """
    asked, number = (left, right) if isinstance(right, Const) else (right, left)
    rank = getattr(asked, "rank", None)
    if rank is None or rank.source is None or not isinstance(number, Const) or number.partial:
        return Unknown()
    choice = ((rank.source, number.value),)
    if isinstance(operation, (ast.Eq, ast.Is)):
        return Unknown(rank=Rank(None, if_true=choice))
    return Unknown(rank=Rank(None, if_false=choice) if isinstance(operation, (ast.NotEq, ast.IsNot)) else None)


def negated(value: Value) -> Value:
    """``not value``.

    Threads: pure.
    """
    if_true, if_false = choices(value)
    return Unknown(rank=Rank(None, if_true=if_false, if_false=if_true) if if_true or if_false else None)


def joined(operation: ast.boolop, values: Sequence[Value]) -> Rank | None:
    """What ``a and b`` says where it is true, and ``a or b`` where it is not; None if that is nothing.

    Threads: pure.
    """
    said = [choices(value) for value in values]
    if isinstance(operation, ast.And):
        every = tuple(choice for if_true, _ in said for choice in if_true)
        return Rank(None, if_true=every) if every else None
    every = tuple(choice for _, if_false in said for choice in if_false)
    return Rank(None, if_false=every) if every else None


def choices(value: Value | None) -> tuple[tuple[Choice, ...], tuple[Choice, ...]]:
    """The choices that are made where a value is true, and where it is false.

    Threads: pure.
    """
    rank = getattr(value, "rank", None)
    return (rank.if_true, rank.if_false) if rank is not None else ((), ())


def _number(source: int | Operation) -> Rank:
    return Rank(source, if_false=((source, 0),))
