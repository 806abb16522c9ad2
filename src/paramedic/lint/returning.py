"""Functions that take something from a queue and put it back afterwards, unless they are left before."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from paramedic.lint.passages import Place, name_of

_PUTS = frozenset(("put", "put_nowait"))


def puts_back(places: Sequence[Place]) -> bool:
    """Whether the function that takes something goes on to put something into that queue.

    What is put back only after an exception, or under a condition, is given up, and not what happens mostly.

    Args:
        places: where something is taken, innermost first.

    Threads: pure.
    """
    if not places or not isinstance(places[0].node, ast.Call):
        return False
    taken = places[0].node.func
    queue = name_of(taken.value) if isinstance(taken, ast.Attribute) else ""
    return bool(queue) and any(_puts(node, queue, places[0]) for node in places[0].after())


def _puts(node: ast.AST, queue: str, place: Place) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in _PUTS:
        return False
    above = list(place.file.above(node))
    own = above[: above.index(place.function)] if place.function in above else above
    return name_of(node.func.value) == queue and not any(isinstance(n, ast.ExceptHandler | ast.If) for n in own)
