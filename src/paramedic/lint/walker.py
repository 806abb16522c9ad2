"""Where the reader stands: thread, scope, loops, branches and locks; and the statements that move it on."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from paramedic.lint import blocks, carried, definitions, expressions, loops, matching, protocols
from paramedic.lint.contexts import Context
from paramedic.lint.modules import Module
from paramedic.lint.operations import Operation
from paramedic.lint.scope import Scope
from paramedic.lint.values import Const, Loops, Obj, Unknown, Value, number_of
from paramedic.lint.world import OutOfSteps, World
from paramedic.model.finding import Site


class Walker:
    """One thread of the program while it is read."""

    def __init__(self, world: World, module: Module, context: Context) -> None:
        self.world = world
        self.module = module
        self.context = context
        self.scope: Scope = module.scope
        self.loops: Loops = context.loops
        self.locks: list[Obj] = []
        self.trail: list[Site] = []
        self.stack: list[ast.AST] = []
        self.root_depth = 0
        self.path: list[tuple[int, int]] = []
        self.guards = 0
        self.doubts = 0
        self.in_finally = False
        self.in_handler = False
        self.on_loop = False
        self.after_yield = False
        self.at_import = ""
        self.function = ""
        self.returns: list[Value] = []
        self.on_yield: Callable[[Value], None] | None = None
        self.statement: ast.stmt | None = None
        self.awaited: ast.AST | None = None
        self.task_base = 0
        self.held_since: dict[int, int] = {}
        self.coroutine = ""
        self.begun: tuple[ast.AST | None, int] = (None, 0)

    def site(self, node: ast.AST) -> Site:
        """Where a node stands.

        Threads: the reader's own; does not block.
        """
        key = (id(node), self.function)
        known = self.world.sites.get(key)
        if known is None:
            file = str(self.module.source.path)
            known = self.world.sites[key] = Site(file=file, line=getattr(node, "lineno", 0), function=self.function)
        return known

    def block(self, statements: list[ast.stmt]) -> bool:
        """Reads statements in order; True where no run gets past them.

        Threads: the reader's own; does not block.
        """
        depth = len(self.path)
        ended = False
        for statement in statements:
            if self.run(statement):
                ended = True
                break
        del self.path[depth:]
        return ended

    def run(self, node: ast.stmt) -> bool:
        """Reads one statement; True where no run gets past it.

        Threads: the reader's own; does not block.
        """
        world = self.world
        world.steps -= 1
        if world.steps < 0:
            raise OutOfSteps
        self.statement = node
        reader = _STATEMENTS.get(type(node))
        return reader(self, node) if reader is not None else False

    def evaluate(self, node: ast.expr | None) -> Value:
        """What an expression may be.

        Threads: the reader's own; does not block.
        """
        if node is None:
            return Unknown()
        kind = type(node)
        if kind is ast.Constant:
            return Const(node.value)  # type: ignore[attr-defined]
        if kind is ast.Name:
            # Most of what is read, and most of that are variables of the same function.
            found = self.scope.names.get(node.id)  # type: ignore[attr-defined]
            if found is not None and type(found) is not Const and not self.scope.declared:
                return found
        world = self.world
        world.steps -= 1
        if world.steps < 0:
            raise OutOfSteps
        reader = _EXPRESSIONS.get(kind)
        return reader(self, node) if reader is not None else Unknown()

    def make(self, kind: str, node: ast.AST, parent: Obj | None = None) -> Obj:
        """A new object of a known kind.

        Threads: the reader's own; does not block.
        """
        made = Obj(kind, self.site(node), self.loops, self.context, parent)
        made.born = self.world.next_moment()
        return made

    def record(
        self,
        obj: Obj,
        method: str,
        effects: frozenset[str],
        node: ast.AST,
        *,
        args: list[Value] | None = None,
        keywords: dict[str, Value] | None = None,
        result: Value | None = None,
    ) -> Operation:
        """Notes one operation on a known object.

        Threads: the reader's own; does not block.
        """
        statement = self.statement
        if self.after_yield and not self.in_finally and "close" in effects:
            effects = effects | {"after-yield"}
        if obj.kind == "semaphore" and number_of(obj.root.parts.get("__count", Unknown())) == 0:
            effects = effects | _SIGNALS.get(effects - {"several"}, frozenset())
        operation = Operation(
            moment=self.world.next_moment(),
            context=self.context,
            obj=obj,
            method=method,
            effects=effects,
            site=self.site(node),
            trail=tuple(reversed(self.trail)),
            locks=tuple(self.locks),
            loops=self.loops,
            path=tuple(self.path),
            call=node if isinstance(node, ast.Call) else None,
            args=args or [],
            keywords=keywords or {},
            result=result,
            guarded=self.guards > 0,
            in_finally=self.in_finally,
            in_handler=self.in_handler,
            on_loop=self.on_loop,
            at_import=self.at_import,
            discarded=isinstance(statement, ast.Expr) and statement.value is node,
            episode=self.world.episode,
            root=self.world.episode_name,
            holds=tuple(self.held_since.get(id(lock), 0) for lock in self.locks),
            coroutine=self.coroutine,
            test=statement if isinstance(statement, (ast.If, ast.While)) else None,
        )
        self.world.operations.append(operation)
        if self.world.formers:
            carried.noted(self, obj, method, node)
        return operation

    @contextmanager
    def looping(self, number: int) -> Iterator[None]:
        """Stands inside one more loop.

        Threads: the reader's own; does not block.
        """
        before = self.loops
        self.loops = (*before, number)
        try:
            yield
        finally:
            self.loops = before

    @contextmanager
    def inside(self, scope: Scope, module: Module, function: str) -> Iterator[None]:
        """Stands in another scope.

        Threads: the reader's own; does not block.
        """
        before = (self.scope, self.module, self.function, self.statement)
        self.scope, self.module, self.function = scope, module, function
        try:
            yield
        finally:
            self.scope, self.module, self.function, self.statement = before


Reader = Callable[[Walker, Any], bool]

_EXPRESSIONS = expressions.READERS
_STATEMENTS: dict[type[ast.AST], Callable[[Walker, Any], bool]] = {
    **blocks.READERS,
    **loops.READERS,
    **matching.READERS,
    **protocols.READERS,
    **definitions.READERS,
}


_SIGNALS = {
    frozenset({"release"}): frozenset({"give-signal"}),
    frozenset({"acquire"}): frozenset({"wait-signal", "blocks"}),
}
"""What is done with a semaphore that was made with 0: nobody has it before somebody else has given it."""
