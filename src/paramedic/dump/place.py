"""One line of the user's source and the function around it: what is taken, held, read and shared there.

A reading of text: names may deceive, so what is concluded from it is `possible`, not `observed`, unless addresses in
the dump agree.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from paramedic.dump.syntax import (
    assigned_in,
    bound_in,
    covers,
    inside,
    last,
    plain,
    sounds_like_resource,
    terms,
    values,
)
from paramedic.model.finding import Site

if TYPE_CHECKING:
    from paramedic.dump.source import Module

_READS = frozenset({"read", "readline", "readlines", "recv", "recv_into", "recv_stderr", "communicate", "readinto"})
_COMMANDS = frozenset({"exec_command", "invoke_shell", "open_session", "open_channel", "invoke_subsystem"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LockName:
    """A lock as the source names it.

    Attributes:
        text: the expression: ``self.registry_lock``.
        root: its first name: ``self``.
        rest: what follows the root: ``.registry_lock``.
        scope: the class whose ``self`` it is, or the function whose local it is; "" for a module's name.
        file: where it is written.
        reentrant: the file makes an ``RLock`` of that name.
    """

    text: str
    root: str
    rest: str
    scope: str
    file: str
    reentrant: bool = False


class Order(StrEnum):
    """Whether a stream is read before or after the line at which the thread stands."""

    BEFORE = "before"
    AFTER = "after"
    NOT_AT_ALL = "not at all"
    UNKNOWN = "unknown"


class Owner(StrEnum):
    """Whose an object is by the way that the source names it."""

    SHARED = "shared"
    OWN = "own"
    OF_SELF = "of self"
    UNKNOWN = "unknown"


_OWN_EACH = re.compile(r"local|tls|ctx|context", re.IGNORECASE)
"""Objects that look like one and are another in each thread."""

_FOLLOWS = re.compile(
    r"\b(?:tail|journalctl|logs|logread|dmesg|inotifywait)\b.*\s(?:-\w*[fFwm]\b|--follow|--monitor)"
    r"|\bsleep (?:inf|\d{3,}\b)"
)

Managers = Callable[[str], tuple[LockName, ...]]


class Place:
    """One line of one function of the user's.

    Attributes:
        site: the line.
        function: the function's syntax tree; the module's outside functions.

    Threads: for one thread at a time (it keeps what it found).
    """

    def __init__(self, module: Module, site: Site, function: ast.AST) -> None:
        self._module = module
        self.function = function
        self.site = site
        self._found: dict[object, tuple[LockName, ...]] = {}
        self._orders: dict[bool, Order] = {}
        self._received: dict[object, tuple[Owner, str]] = {}

    @property
    def text(self) -> str:
        """The line, stripped."""
        return self._module.line(self.site.line)

    def wants(self) -> tuple[LockName, ...]:
        """Locks that this line takes (more than one if it takes several).

        Asked only of a line at which a thread stands still with nothing called: there every plain ``with NAME:`` is a
        lock's, for what another context manager does on entering would be on the stack.
        """
        if None not in self._found:
            self._found[None] = self._wants()
        return self._found[None]

    def _wants(self) -> tuple[LockName, ...]:
        found: list[LockName] = []
        for node in self._walk():
            if isinstance(node, ast.With | ast.AsyncWith):
                found += [
                    self._lock(i.context_expr)
                    for i in node.items
                    if covers(i.context_expr, self.site.line) and (plain(i) or self._module.is_lock(i.context_expr))
                ]
            elif isinstance(node, ast.Call) and covers(node, self.site.line):
                method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
                if isinstance(node.func, ast.Attribute) and method == "acquire":
                    found.append(self._lock(node.func.value))
                elif method == "enter_context" and node.args and not isinstance(node.args[0], ast.Call):
                    found.append(self._lock(node.args[0]))
        return tuple(dict.fromkeys(found))

    def holds(self, known: frozenset[str] = frozenset(), managers: Managers | None = None) -> tuple[LockName, ...]:
        """Locks that the function holds at this line: ``with`` around it, or ``acquire()`` so far unreleased.

        Args:
            known: expressions that are known to be locks although their names do not say so.
            managers: the locks that a context manager of that name holds in its body.
        """
        if known not in self._found:
            self._found[known] = self._holds(known, managers or self._module.managers)
        return self._found[known]

    def _holds(self, known: frozenset[str], managers: Managers) -> tuple[LockName, ...]:
        found: list[LockName] = []
        taken: dict[str, LockName] = {}
        for item in self._entered():
            called = isinstance(item.context_expr, ast.Call)
            maker = last(item.context_expr) if called else self._module.maker_of(item.context_expr)
            found += [self._lock(item.context_expr)] if self._may_be_lock(item, known) else []
            found += managers(maker) if maker else ()
        for call in sorted(self._calls("acquire", "release"), key=lambda c: (c.lineno, c.col_offset)):
            if call.lineno >= self.site.line:
                break
            assert isinstance(call.func, ast.Attribute)
            lock = self._lock(call.func.value)
            if call.func.attr == "acquire":
                if not self._hands_over(lock.text):
                    taken[lock.text] = lock
            else:
                taken.pop(lock.text, None)
        return tuple(dict.fromkeys([*found, *taken.values()]))

    def _entered(self) -> Iterator[ast.withitem]:
        """The context managers that are entered at this line: ``with`` around it, ``enter_context`` of an ExitStack."""
        withs = [n for n in self._walk() if isinstance(n, ast.With | ast.AsyncWith)]
        around = [n for n in withs if inside(n.body, self.site.line)]
        for node in around:
            yield from node.items
        for call in self._calls("enter_context", "enter_async_context"):
            assert isinstance(call.func, ast.Attribute)
            stack = ast.unparse(call.func.value)
            left = any(_binds(n, stack) and covers(n, call.lineno) and n not in around for n in withs)
            if call.lineno < self.site.line and call.args and not left:
                yield ast.withitem(context_expr=call.args[0])

    def _hands_over(self, name: str) -> bool:
        """Whether the function gives the lock to others, who let it go to wake it: a condition's waiter, no lock."""
        given = ("append", "appendleft", "put", "put_nowait", "add", "insert")
        return any(isinstance(a, ast.Name) and a.id == name for c in self._calls(*given) for a in c.args)

    def _may_be_lock(self, item: ast.withitem, known: frozenset[str]) -> bool:
        if self._module.is_counted(item.context_expr):
            return False
        if self._module.is_lock(item.context_expr) or ast.unparse(item.context_expr) in known:
            return True
        if isinstance(item.context_expr, ast.Attribute):  # `a.busy` where others stand still at `b.busy`
            return any(k.endswith(f".{item.context_expr.attr}") for k in known)
        # `with src:` of a parameter: a lock, unless its name speaks of a connection or file.
        name = item.context_expr.id if isinstance(item.context_expr, ast.Name) else ""
        return plain(item) and name in bound_in(self.function) and not sounds_like_resource(name)

    def reading(self, *, stderr: bool = False) -> Order:
        """Whether the function reads output before this line (since the command was started) or only after it.

        Args:
            stderr: look only for reading of stderr.
        """
        if stderr not in self._orders:
            self._orders[stderr] = self._reading(stderr=stderr)
        return self._orders[stderr]

    def _reading(self, *, stderr: bool) -> Order:
        start = max((c.lineno for c in self._calls(*_COMMANDS) if c.lineno < self.site.line), default=0)
        lines = [line for line in self._reads(stderr=stderr) if line >= start and line != self.site.line]
        if any(line < self.site.line for line in lines):
            return Order.BEFORE
        return Order.AFTER if lines else Order.NOT_AT_ALL

    def polls(self, word: str) -> bool:
        """Whether the line stands in a ``while`` that asks for something of that name and reads nothing.

        It may ask through a property or function of the same file.
        """
        for node in self._walk():
            if isinstance(node, ast.While) and covers(node, self.site.line) and self._asks(node, word):
                return not any(
                    isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr in _READS
                    for n in ast.walk(node)
                )
        return False

    def follows(self) -> bool:
        """Whether a text in the function is a command that goes on for ever: it follows a file or a log.

        Of a function that runs no command itself: in another method of its class that does, or, where a stream was
        handed to it, in the function that starts it.
        """
        if any(_FOLLOWS.search(text) for text in self._texts(self._walk())):
            return True
        if self._calls("exec_command"):
            return False
        others = self._module.beside(self.function)
        return any(_FOLLOWS.search(text) for f in others for text in self._texts(ast.walk(f)))

    @staticmethod
    def _texts(nodes: Iterable[ast.AST]) -> Iterator[str]:
        return (n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str))

    def in_reading_loop(self) -> bool:
        """Whether the line stands in a loop that reads output: it comes back to the reading."""
        loops = (n for n in self._walk() if isinstance(n, ast.While | ast.For | ast.AsyncFor))
        return any(covers(n, self.site.line) and self._reads_in(n) for n in loops)

    def _reads_in(self, loop: ast.While | ast.For | ast.AsyncFor) -> bool:
        if not isinstance(loop, ast.While) and terms(loop.iter) & self._stream_names(stderr=False):
            return True
        calls = (n.func for n in ast.walk(loop) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute))
        return any(f.attr in _READS for f in calls)

    def _asks(self, loop: ast.While, word: str) -> bool:
        asked = terms(loop)
        behind = (f for name in asked for f in self._module.functions.get(name, ()) if f is not self.function)
        return word in asked or any(word in terms(f) for f in behind)

    def mentions(self, *words: str) -> bool:
        """Whether one of these names occurs in the function."""
        return any(
            (isinstance(n, ast.Attribute) and n.attr in words)
            or (isinstance(n, ast.Name) and n.id in words)
            or (isinstance(n, ast.keyword) and n.arg in words)
            for n in self._walk()
        )

    def lets_go(self) -> frozenset[str]:
        """Last names of the locks that nobody holds while a thread waits at this line for a condition of theirs."""
        waits = [c.func for c in self._calls("wait", "wait_for") if covers(c, self.site.line)]
        names = {last(f.value) for f in waits if isinstance(f, ast.Attribute)}
        return frozenset(names | {self._module.lock_of_condition(n) for n in names} - {""})

    def waits_for_ever(self) -> bool:
        """Whether the line waits with no limit: ``wait()``, ``get()``, ``join()`` or ``put(item)``."""
        bare = (c for c in self._calls("wait", "get", "join") if not c.args and not c.keywords)
        puts = (c for c in self._calls("put") if len(c.args) + len(c.keywords) == 1)
        return any(covers(c, self.site.line) for c in [*bare, *puts])

    def stands_in(self, *words: str) -> bool:
        """Whether the line is inside a ``with`` whose expression speaks of one of these words."""
        return any(
            any(w.lower() in ast.unparse(i.context_expr).lower() for w in words)
            for n in self._walk()
            if isinstance(n, ast.With | ast.AsyncWith) and inside(n.body, self.site.line)
            for i in n.items
        )

    def receiver(self, above: frozenset[str], methods: frozenset[str]) -> tuple[Owner, str]:
        """Whose the object is whose method this line calls, by the way it is named, and that name.

        Args:
            above: functions further out on the same stack: what they define is this thread's own.
            methods: the names of the method that may be meant.
        """
        key = above, methods
        if key not in self._received:
            self._received[key] = self._receiver(above, methods)
        return self._received[key]

    def _receiver(self, above: frozenset[str], methods: frozenset[str]) -> tuple[Owner, str]:
        for receiver in self._receivers(methods):
            parts = _chain(receiver)
            if not parts:
                continue
            name = ".".join(parts)
            if any(_OWN_EACH.search(p) or self._module.makes_local(p) for p in parts):
                return Owner.OWN, name
            if parts[0] == "self":
                return Owner.OF_SELF, name
            if parts[0] == "cls":
                return Owner.SHARED, f"{self._module.class_of(self.function)}.{'.'.join(parts[1:])}"
            return self._owner(parts[0], above), name
        return Owner.UNKNOWN, ""

    def _receivers(self, methods: frozenset[str]) -> Iterator[ast.expr]:
        """The objects whose methods of these names the line calls, be it by ``for`` or ``with``."""
        for node in self._walk():
            if isinstance(node, ast.Call) and covers(node, self.site.line) and isinstance(node.func, ast.Attribute):
                if node.func.attr in methods:
                    yield node.func.value
            elif isinstance(node, ast.For | ast.AsyncFor) and covers(node.iter, self.site.line):
                if methods & {"__iter__", "__next__"}:
                    yield node.iter
            elif isinstance(node, ast.With | ast.AsyncWith) and "__enter__" in methods:
                yield from (i.context_expr for i in node.items if covers(i.context_expr, self.site.line))

    def _walk(self) -> Iterator[ast.AST]:
        """The function's nodes, not those of functions inside it."""
        return iter(self._nodes)

    @cached_property
    def _nodes(self) -> tuple[ast.AST, ...]:
        return tuple(self._walked())

    def _walked(self) -> Iterator[ast.AST]:
        stack: list[ast.AST] = list(ast.iter_child_nodes(self.function))
        while stack:
            node = stack.pop()
            yield node
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                stack.extend(ast.iter_child_nodes(node))

    def _every_call(self) -> Iterator[ast.Call]:
        return (n for n in self._walk() if isinstance(n, ast.Call))

    def _calls(self, *attributes: str) -> list[ast.Call]:
        return [c for c in self._every_call() if isinstance(c.func, ast.Attribute) and c.func.attr in attributes]

    def _reads(self, *, stderr: bool) -> Iterator[int]:
        streams = self._stream_names(stderr=stderr)
        for node in self._walk():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _READS:
                if not stderr or node.func.attr == "recv_stderr" or terms(node.func.value) & streams:
                    yield node.lineno
            elif isinstance(node, ast.For | ast.comprehension) and terms(node.iter) & streams:
                yield node.iter.lineno
            elif isinstance(node, ast.Call) and any(terms(a) & streams for a in [*node.args, *values(node)]):
                # handed to somebody: a reader thread, a function that drains it
                yield node.lineno

    def _stream_names(self, *, stderr: bool) -> set[str]:
        """Names that the results of exec_command are bound to in this function."""
        names = {"stderr", "err"} if stderr else {"stdout", "stderr", "out", "err"}
        for node in self._walk():
            if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)):
                continue
            function = node.value.func
            target = node.targets[0]
            if (
                isinstance(function, ast.Attribute)
                and function.attr == "exec_command"
                and isinstance(target, ast.Tuple)
            ):
                wanted = target.elts[2:] if stderr else target.elts[1:]
                names |= {last(e) for e in wanted}
        return names - {"_"}

    def _lock(self, expression: ast.expr) -> LockName:
        text = ast.unparse(expression)
        node: ast.expr = expression
        while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
            node = node.func if isinstance(node, ast.Call) else node.value
        root = node.id if isinstance(node, ast.Name) else ""
        return LockName(
            text=text,
            root=root,
            rest=text[len(root) :],
            scope=self._scope(root),
            file=self.site.file,
            reentrant=self._module.is_reentrant(expression),
        )

    def _scope(self, root: str) -> str:
        """The class whose ``self`` a name is, however called; the function whose local it is; "": the module's."""
        function: ast.AST | None = self.function
        while function is not None and not isinstance(function, ast.Module):
            if root in bound_in(function):
                of_class = self._module.class_of(function) if root == self._module.receiver_of(function) else ""
                return of_class or f"{getattr(function, 'name', '')}()"
            function = self._module.parent_function(function)
        return ""

    def _owner(self, name: str, above: frozenset[str]) -> Owner:
        function = self.function
        if name in bound_in(function):
            return Owner.OWN if name in assigned_in(function) else Owner.UNKNOWN
        outer = self._module.parent_function(function)
        while outer is not None:
            if name in bound_in(outer):
                return Owner.OWN if getattr(outer, "name", "") in above else Owner.SHARED
            outer = self._module.parent_function(outer)
        return Owner.SHARED if self._module.binds(name) else Owner.UNKNOWN


def _binds(node: ast.With | ast.AsyncWith, name: str) -> bool:
    return any(i.optional_vars is not None and ast.unparse(i.optional_vars) == name for i in node.items)


def _chain(node: ast.expr) -> list[str]:
    """The names of ``self.host.sftp``, outermost object first; none where something is called or looked up."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else []
