"""Whether two threads that came through one function both asked there whether a client is connected.

``if not self.up(): self.connect()`` before the use, in whatever helpers, or ``except SSHException: self.connect()``
around it: the one that connected might have been the other. A thread that connects for another reason (it leads, and
the others wait) is no such thing. ``if name not in clients: clients[name] = SSHClient(); clients[name].connect()`` lets
others find a client that is not connected yet, whoever holds a lock then; where it is stored afterwards nobody can.
The question may be for a flag that says that it is connected: one that is set too early misleads others, one that is
set afterwards lets them come in at the same time, where no lock keeps them out.

Threads: one thread; reads the files that stacks name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from paramedic.lint.names import covers, last_line
from paramedic.lint.passages import File, Place, Places, name_of
from paramedic.model.finding import Site

_ASKS = frozenset(("get_transport", "is_active", "is_authenticated", "_transport"))
_LEAVES = ast.Return | ast.Continue


class Redialling:
    """Reads each file once; what cannot be read asks nothing."""

    def __init__(self) -> None:
        self._places = Places()

    def may_be_either(self, connect: Sequence[Site], use: Sequence[Site], had: bool, held: bool = False) -> bool:
        """Whether who used a client had asked what made the other one connect it.

        Args:
            connect: stack of the connect, innermost first.
            use: stack of the other thread's use.
            had: whether that thread had the client before it was connected; else it has to be stored before.
            held: whether the connect was made with a lock held.

        Threads: one thread; reads files.
        """
        for depth, site in enumerate(connect):
            for other in use:
                if (site.file, site.function) == (other.file, other.function):
                    return self._both(connect[: depth + 1], other, had, held)
        return False

    def _both(self, inner: Sequence[Site], use: Site, had: bool, held: bool) -> bool:
        place = self._place(inner[-1])
        if place is None:
            return False
        parts = [n for n in place.file.own(place.function) if covers(n, inner[-1].line)]
        for handler in parts if had else ():
            if isinstance(handler, ast.ExceptHandler):
                tried = place.file.parent(handler)
                return isinstance(tried, ast.Try) and any(covers(n, use.line) for n in tried.body)
        if use.line < inner[-1].line:
            return False
        questions = [list(self._questions(site, held)) for site in inner] if had else [self._stores_before(inner[0])]
        if not had and len(inner) > 1:
            questions.append([])
        if not any(questions):
            return False
        # nothing else than such a question, and no loop, decides whether it is passed on the way to the use
        return all(part in questions[-1] or covers(part, use.line) for part in parts if isinstance(part, _DECIDES))

    def _questions(self, site: Site, held: bool) -> Iterator[ast.If]:
        """The tests whose outcome decides whether a line of a function is come to, and that ask for a connection."""
        place = self._place(site)
        if place is None:
            return
        file, own = place.file, place.file.own(place.function)
        named = {
            name_of(target)
            for n in own
            if isinstance(n, ast.Assign) and _names(n.value) & _ASKS
            for target in n.targets
        }
        for node in own:
            if isinstance(node, ast.If) and node.lineno <= site.line:
                decides = covers(node, site.line) or isinstance(node.body[-1], _LEAVES) and last_line(node) < site.line
                names = _names(node.test)
                if decides and (names & (_ASKS | named) or any(_asks(file, name) for name in names)):
                    yield node
                elif decides and any(last < site.line or not held for last in _says(own, names, node.lineno)):
                    yield node

    def _stores_before(self, site: Site) -> list[ast.If]:
        """The tests for a client that is stored, for all to find, before it is connected at that line."""
        place = self._place(site)
        node = place.node if place is not None else None
        if place is None or not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            return []
        receiver, own = name_of(node.func.value), place.file.own(place.function)
        if isinstance(node.func.value, ast.Subscript):
            receiver = name_of(node.func.value.value)
        common = {name for n in own if isinstance(n, ast.Global) for name in n.names}
        stored: dict[str, int] = {}
        for n in own:
            if isinstance(n, ast.Assign) and n.lineno < site.line:
                names = {name_of(t.value if isinstance(t, ast.Subscript) else t) for t in n.targets}
                if receiver in names or isinstance(n.value, ast.Name) and n.value.id == receiver:
                    for t in n.targets:
                        if not isinstance(t, ast.Name) or t.id in common:
                            stored[name_of(t.value if isinstance(t, ast.Subscript) else t)] = n.lineno
        return [
            n
            for n in own
            if isinstance(n, ast.If) and covers(n, site.line)
            if any(n.lineno < stored.get(name, 0) for name in _names(n.test))
        ]

    def _place(self, site: Site) -> Place | None:
        return next(iter(self._places.places([site], "connect")), None)


_DECIDES = ast.If | ast.For | ast.While | ast.Match | ast.Try


def _says(own: Sequence[ast.AST], names: set[str], since: int) -> Iterator[int]:
    """The lines, after a test, where a function sets a flag that the test asks for, and that others see."""
    common = {name for n in own if isinstance(n, ast.Global | ast.Nonlocal) for name in n.names}
    for n in own:
        if isinstance(n, ast.Assign) and n.lineno > since and isinstance(n.value, ast.Constant) and n.value.value:
            for target in n.targets:
                if name_of(target) in names and (isinstance(target, ast.Attribute) or name_of(target) in common):
                    yield n.lineno


def _asks(file: File, name: str) -> bool:
    return any(_names(node) & _ASKS for function in file.functions.get(name, ()) for node in function.body)


def _names(node: ast.AST) -> set[str]:
    return {name_of(n) for n in ast.walk(node) if isinstance(n, ast.Name | ast.Attribute)}
