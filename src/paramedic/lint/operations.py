"""One call on one known object, as the reader met it: the static counterpart of an event."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from paramedic.lint.contexts import Context
from paramedic.lint.values import Loops, Obj, Value
from paramedic.model.finding import Site


@dataclass(slots=True, eq=False)
class Operation:
    """A call, with everything around it that a lens may ask for.

    Attributes:
        moment: position in the order in which the reader met everything.
        context: the thread that makes the call.
        obj: the object whose method it is.
        method: name of the method.
        effects: what the tables say that it does: ``read:stdout``, ``write``, ``connect``, ``sftp`` …
        site: file, line and function of the call.
        trail: the calls through which the thread got there, innermost first.
        locks: locks that it holds, outermost first.
        loops: loops around it, outermost first, through all callers.
        path: the branches around it: (branch, arm).
        call: the call's node; None for implied operations (leaving a ``with``, iterating).
        args: positional arguments.
        keywords: arguments by name.
        result: what it returns.
        guarded: whether a handler around it takes its exceptions and goes on.
        in_finally: whether it is in a ``finally`` block, or the end of a ``with``.
        in_handler: whether it is in an ``except`` block.
        on_loop: whether it runs on an event loop's thread.
        at_import: the file of the module of the tree whose body is run meanwhile; "" where none is.
        discarded: whether the statement throws its result away.
        episode: number of the root function whose reading met it.
        root: name of that root function.
        holds: for each lock, the moment since which the thread holds it.
        coroutine: the innermost ``async def`` around it.
        test: the ``if`` or ``while`` whose condition it is a part of.
    """

    moment: int
    context: Context
    obj: Obj
    method: str
    effects: frozenset[str]
    site: Site
    trail: tuple[Site, ...] = ()
    locks: tuple[Obj, ...] = ()
    loops: Loops = ()
    path: tuple[tuple[int, int], ...] = ()
    call: ast.Call | None = None
    args: list[Value] = field(default_factory=list)
    keywords: dict[str, Value] = field(default_factory=dict)
    result: Value | None = None
    guarded: bool = False
    in_finally: bool = False
    in_handler: bool = False
    on_loop: bool = False
    at_import: str = ""
    discarded: bool = False
    episode: int = 0
    root: str = ""
    holds: tuple[int, ...] = ()
    coroutine: str = ""
    test: ast.If | ast.While | None = None

    def has(self, effect: str) -> bool:
        """Whether the tables say that it does this.

        Threads: pure.
        """
        return effect in self.effects

    def argument(self, position: int, name: str) -> Value | None:
        """An argument however it was passed.

        Threads: pure.
        """
        if name in self.keywords:
            return self.keywords[name]
        return self.args[position] if position < len(self.args) else None


def exclusive(a: Operation, b: Operation) -> bool:
    """Whether no run does both: they stand in different arms of one branch.

    Threads: pure.
    """
    arms = dict(a.path)
    return any(branch in arms and arms[branch] != arm for branch, arm in b.path)
