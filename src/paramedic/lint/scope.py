"""Names of one module, class body or function call, and the scopes around them."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.lint.values import Const, Unknown, Value, choose


class Scope:
    """Where names are bound. Functions look through class scopes, as Python does.

    Attributes:
        names: what each name holds now.
        ever: everything that a name held at any time: what another thread may find in it.
        loops: those around the call whose names they are.
    """

    __slots__ = ("names", "ever", "parent", "is_class", "declared", "loops")

    def __init__(self, parent: Scope | None = None, *, is_class: bool = False) -> None:
        self.names: dict[str, Value] = {}
        self.ever: dict[str, list[Value]] = {}
        self.parent = parent
        self.is_class = is_class
        self.declared: dict[str, Scope] = {}
        self.loops: tuple[int, ...] = ()

    def assign(self, name: str, value: Value) -> None:
        """Binds a name here, or where a ``global`` or ``nonlocal`` says.

        Threads: pure.
        """
        target = self.declared.get(name, self) if self.declared else self
        target.names[name] = value
        known = target.ever.get(name)
        if known is None:
            target.ever[name] = [value]
        elif len(known) < 12:
            for one in known:
                if one is value:
                    return
            known.append(value)

    def lookup(self, name: str) -> Value | None:
        """What the name holds; from an inner function, everything that it may hold by the time that one runs.

        Threads: pure.
        """
        found = self.names.get(name)
        if found is not None and not self.declared:
            return found
        scope: Scope | None = self.declared.get(name, self)
        outer = scope is not self
        while scope is not None:
            if not (scope.is_class and outer):
                found = scope.names.get(name)
                if found is not None:
                    if outer and isinstance(found, (Unknown, Const)):
                        return choose([found, *scope.ever.get(name, ())])
                    return found
                if name in scope.ever:
                    return choose(scope.ever[name])
            scope = scope.parent
            outer = True
        return None

    def module_scope(self) -> Scope:
        """The outermost scope: the module's.

        Threads: pure.
        """
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def up_to(self, outermost: Scope) -> Iterator[Scope]:
        """This scope and those around it, without the outermost.

        Threads: pure.
        """
        scope: Scope | None = self
        while scope is not None and scope is not outermost:
            yield scope
            scope = scope.parent

    def declare_global(self, name: str) -> None:
        """``global name``.

        Threads: pure.
        """
        self.declared[name] = self.module_scope()

    def declare_nonlocal(self, name: str) -> None:
        """``nonlocal name``.

        Threads: pure.
        """
        scope = self.parent
        while scope is not None:
            if not scope.is_class and (name in scope.names or name in scope.ever):
                self.declared[name] = scope
                return
            scope = scope.parent
