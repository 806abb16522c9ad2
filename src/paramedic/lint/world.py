"""Everything that one reading of a program gathers: modules, threads, operations, and how much work it may take."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from paramedic.lint.contexts import Context, Task
from paramedic.lint.modules import Module, ModuleIndex
from paramedic.lint.operations import Operation
from paramedic.lint.values import (
    Bound,
    Choice,
    ClassValue,
    Collection,
    Const,
    External,
    Function,
    Instance,
    Obj,
    Unknown,
    Value,
)
from paramedic.model.finding import Site

if TYPE_CHECKING:
    from paramedic.lint import carried, ranks
    from paramedic.lint.repetition import Reading
    from paramedic.lint.slots import Slot
    from paramedic.lint.walker import Walker

STEPS = 60_000
"""How many expressions one reading may evaluate; a module that needs more is read in part."""
STEPS_TOGETHER = 10 * STEPS
"""How many all modules that are read together may take; after that, each gets a tenth of the usual."""


class OutOfSteps(Exception):
    """The reading has taken as many steps as it may."""


@dataclass(slots=True, eq=False)
class Pending:
    """A thread whose body was not read yet: it is read when its result is wanted, or at the end."""

    context: Context
    body: Callable[[Walker], Value]
    started: bool = False
    result: Value = field(default_factory=Unknown)


class World:
    """One reading, which starts at some modules and follows their imports."""

    def __init__(self, index: ModuleIndex, relevant: frozenset[Path], roots: frozenset[Path]) -> None:
        self.index = index
        self.relevant = relevant
        self.roots = roots
        self.modules: dict[Path, Module] = {}
        self.operations: list[Operation] = []
        self.main = Context(kind="main", name="the main thread", site=None, parent=None)
        self.contexts: list[Context] = []
        self.pending: list[Pending] = []
        self.contexts_of: dict[int, list[Pending]] = {}
        self.coroutines: dict[int, tuple[int, int]] = {}
        self.before_all: list[Callable[[Walker], Value]] = []
        self.entered: set[int] = set()
        self.called_by_module: set[int] = set()
        self.calls: dict[tuple[int, int, int], int] = {}
        self.seen_calls: set[tuple[object, ...]] = set()
        self.dear_calls: dict[tuple[int, int], int] = {}
        self.readings: dict[int, Reading] = {}
        self.writes = 0
        self.stand_ins: dict[int, Instance] = {}
        self.instances: dict[int, list[Instance]] = {}
        self.classes: list[ClassValue] = []
        self.wrapped: dict[int, Function] = {}
        self.functions: dict[int, list[Function]] = {}
        self.escaped: set[int] = set()
        self.tasks: dict[int, Task] = {}
        self.context_values: dict[int, list[tuple[int, Context, Value]]] = {}
        self.stacks_left: dict[int, Context] = {}
        self.submissions: list[tuple[Obj, Context]] = []
        self.in_vain: dict[int, tuple[Context, list[Callable[[], int]]]] = {}
        self.retries: set[int] = set()
        self.once: set[int] = set()
        self.tries: set[int] = set()
        self.swallowing: set[int] = set()
        self.put_again: set[int] = set()
        self.put_instead: dict[int, tuple[int, int]] = {}
        self.chosen: dict[tuple[int, int], tuple[ranks.Choice, ...]] = {}
        self.last_arms: set[tuple[int, int]] = set()
        self.early_returns: set[tuple[int, int]] = set()
        self.ending_loops: dict[int, bool] = {}
        self.annotations: dict[int, ast.expr] = {}
        self.promising: dict[int, bool] = {}
        self.sites: dict[tuple[int, str], Site] = {}
        self.carrying: dict[int, tuple[Slot, ...]] = {}
        self.formers: dict[int, carried.Former] = {}
        self.former_turns: dict[int, frozenset[int]] = {}
        self.only_asks: set[tuple[int, int]] = set()
        self.in_locals: set[int] = set()
        self.loop_sizes: dict[int, int | None] = {}
        self.pseudo_locks: dict[str, Obj] = {}
        self.polled: dict[str, Obj] = {}
        self.conditions: dict[int, set[str]] = {}
        self.flags: dict[str, Obj] = {}
        self.shelves: dict[int, Obj] = {}
        self.default_executor: Obj | None = None
        self.scripts: list[str] = []
        self.forked_at = 0
        self.moment = 0
        self.steps = STEPS
        self.granted = STEPS
        self.steps_left = STEPS_TOGETHER
        self.exhausted: set[Path] = set()
        self.bodies: set[int] = set()
        self.episode_root: dict[int, Path] = {}
        self.episode = 0
        self.episode_name = "the module"
        self.episode_names: dict[int, str] = {}
        self._numbers = 0

    def deeds(self) -> tuple[int, int, int]:
        """Grows with everything that is done rather than computed.

        Threads: the reader's own; does not block.
        """
        return (len(self.operations), len(self.contexts), self.writes)

    def grant_steps(self) -> None:
        """Steps for another piece of reading, as many as what all pieces may take together leaves.

        Threads: the reader's own; does not block.
        """
        self.steps_left -= self.granted - max(self.steps, 0)
        self.granted = self.steps = min(STEPS, max(self.steps_left, STEPS // 10))

    def next_moment(self) -> int:
        """The next position in the order of everything.

        Threads: the reader's own; does not block.
        """
        self.moment += 1
        return self.moment

    def number(self) -> int:
        """A fresh number for a loop or a branch.

        Threads: the reader's own; does not block.
        """
        self._numbers += 1
        return self._numbers

    def find_module(self, name: str, near: Path) -> Module | None:
        """A module of the tree that may matter; None for all others.

        Threads: the reader's own; does not block.
        """
        path = self.index.find(name, near)
        if path is None:
            return None
        # A helper that never speaks of Paramiko is followed from a module that does, its own helpers are not.
        if path not in self.relevant and not self.index.is_small:
            if near not in self.relevant or not self.index.adds_something(path):
                return None
        return self.module_at(path)

    def module_at(self, path: Path) -> Module | None:
        """The module of a file; None where it cannot be read.

        Threads: the reader's own; does not block.
        """
        module = self.modules.get(path)
        if module is None:
            source = self.index.source(path)
            if source is None:
                return None
            module = Module(name=self.index.name_of(path), source=source, is_package=path.stem == "__init__")
            self.modules[path] = module
        return module

    def expect(self, owner: Obj | None, pending: Pending) -> None:
        """Notes a thread that was started, and through which object it can be waited for.

        Threads: the reader's own; does not block.
        """
        self.contexts.append(pending.context)
        self.pending.append(pending)
        if owner is not None:
            self.contexts_of.setdefault(id(owner.root), []).append(pending)

    def started_by(self, owner: Obj) -> list[Pending]:
        """The threads that were started through an object.

        Threads: the reader's own; does not block.
        """
        return self.contexts_of.get(id(owner.root), [])

    def came_for(self, held: Callable[[], int], context: Context) -> None:
        """Notes that a thread looked where nothing was yet: once something is there, it is read again.

        Args:
            held: how many things are there.
            context: the thread.

        Threads: the reader's own; does not block.
        """
        if context.parent is not None and not held():
            self.in_vain.setdefault(id(context), (context, []))[1].append(held)

    def filled_itself(self, context: Context) -> None:
        """What a thread put there on its own, it need not be read again for.

        Threads: the reader's own; does not block.
        """
        looked = self.in_vain.get(id(context))
        if looked is not None:
            looked[1][:] = [held for held in looked[1] if not held()]

    def forget(self, context: Context) -> None:
        """Takes back what the reading of a thread has told, and of those that it started.

        Threads: the reader's own; does not block.
        """
        gone = {id(c) for c in self.contexts if any(one is context for one in c.chain())}
        self.operations[:] = [o for o in self.operations if id(o.context) not in gone]
        self.contexts[:] = [c for c in self.contexts if id(c) not in gone]
        self.submissions[:] = [s for s in self.submissions if id(s[1]) not in gone - {id(context)}]
        younger = gone - {id(context)}
        self.pending[:] = [p for p in self.pending if id(p.context) not in younger]
        for started in self.contexts_of.values():
            started[:] = [p for p in started if id(p.context) not in younger]

    def dissolve(self) -> None:
        """Lets go of everything: what refers to itself in circles would stay, and its syntax trees with it.

        Threads: the reader's own; does not block.
        """
        for made in [f for functions in self.functions.values() for f in functions]:
            made.scope.names.clear()
            made.scope.ever.clear()
            made.defaults.clear()
            made.memory = made.bound = None
        for cls in self.classes:
            cls.members.clear()
            cls.bases.clear()
            cls.order = None
        for module in self.modules.values():
            module.scope.names.clear()
            module.scope.ever.clear()
        for instance in [i for instances in self.instances.values() for i in instances]:
            instance.attrs.clear()
            instance.ever.clear()
            instance.views.clear()
        for operation in self.operations:
            operation.obj.views.clear()
            operation.obj.parts.clear()
            operation.obj.ever.clear()
        self.__dict__.clear()

    def escape(self, value: Value) -> None:
        """Notes that somebody whom we do not read holds the value.

        Threads: the reader's own; does not block.
        """
        kind = type(value)
        if kind is Unknown or kind is Const or kind is External:
            return
        if isinstance(value, Obj):
            self.escaped.add(id(value.root))
        elif isinstance(value, Bound):
            if value.name == "close":  # weakref.finalize(holder, client.close)
                self.escape(value.receiver)
        elif isinstance(value, Choice):
            for option in value.options:
                self.escape(option)
        elif isinstance(value, Collection):
            for item in value.everything():
                if not isinstance(item, Collection):
                    self.escape(item)
        elif isinstance(value, Instance) and value.native is not None:
            self.escaped.add(id(value.native.root))
