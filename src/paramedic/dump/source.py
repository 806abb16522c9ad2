"""The user's source, where it can be found: which locks a line takes and stands under, and what its function reads.

A dump says where a thread stands; the source says what stands there. Everything here is a reading of text: names may
deceive, so what is concluded from it is `possible`, not `observed`, unless addresses in the dump agree.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from paramedic.model.finding import Site

MAX_FILE_BYTES = 5_000_000

_LOCK_NAME = re.compile(
    r"(?:^|_)(?:r?locks?|mutex(?:es)?|sem(?:aphore)?s?|cond(?:ition)?|guard|latch|monitor)(?:$|_|\d)", re.I
)
_LOCK_WORD = re.compile(r"(?<![bcBC])(?<!un)[Ll]ock(?:s|$|_|[A-Z(])|Mutex|Semaphore")
_LOCK_TYPES = frozenset({"Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore", "allocate_lock"})
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
    """

    text: str
    root: str
    rest: str
    scope: str
    file: str


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
    UNKNOWN = "unknown"


class Place:
    """One line of one function of the user's.

    Threads: immutable after construction; any thread.
    """

    def __init__(self, module: Module, site: Site, function: ast.AST) -> None:
        self._module = module
        self._function = function
        self.site = site

    @property
    def text(self) -> str:
        """The line, stripped."""
        return self._module.line(self.site.line)

    def wants(self) -> tuple[LockName, ...]:
        """Locks that this line takes (more than one if it takes several)."""
        found: list[LockName] = []
        for node in self._walk():
            if isinstance(node, ast.With | ast.AsyncWith):
                found += [
                    self._lock(i.context_expr)
                    for i in node.items
                    if _covers(i.context_expr, self.site.line) and self._module.is_lock(i.context_expr)
                ]
            elif isinstance(node, ast.Call) and _covers(node, self.site.line):
                if isinstance(node.func, ast.Attribute) and node.func.attr == "acquire":
                    found.append(self._lock(node.func.value))
        return tuple(dict.fromkeys(found))

    def holds(self) -> tuple[LockName, ...]:
        """Locks that the function holds at this line: ``with`` around it, or ``acquire()`` so far unreleased."""
        found: list[LockName] = []
        taken: dict[str, LockName] = {}
        for node in self._walk():
            if isinstance(node, ast.With | ast.AsyncWith) and _inside(node.body, self.site.line):
                found += [self._lock(i.context_expr) for i in node.items if self._module.is_lock(i.context_expr)]
        for call in sorted(self._calls("acquire", "release"), key=lambda c: (c.lineno, c.col_offset)):
            if call.lineno >= self.site.line:
                break
            assert isinstance(call.func, ast.Attribute)
            lock = self._lock(call.func.value)
            if call.func.attr == "acquire":
                taken[lock.text] = lock
            else:
                taken.pop(lock.text, None)
        return tuple(dict.fromkeys([*found, *taken.values()]))

    def reading(self, *, stderr: bool = False) -> Order:
        """Whether the function reads output before this line (since the command was started) or only after it.

        Args:
            stderr: look only for reading of stderr.
        """
        start = max((c.lineno for c in self._calls(*_COMMANDS) if c.lineno < self.site.line), default=0)
        lines = [line for line in self._reads(stderr=stderr) if line >= start and line != self.site.line]
        if any(line < self.site.line for line in lines):
            return Order.BEFORE
        return Order.AFTER if lines else Order.NOT_AT_ALL

    def mentions(self, *words: str) -> bool:
        """Whether one of these names occurs in the function."""
        return any(
            (isinstance(n, ast.Attribute) and n.attr in words)
            or (isinstance(n, ast.Name) and n.id in words)
            or (isinstance(n, ast.keyword) and n.arg in words)
            for n in self._walk()
        )

    def stands_in(self, *words: str) -> bool:
        """Whether the line is inside a ``with`` whose expression speaks of one of these words."""
        return any(
            any(w.lower() in ast.unparse(i.context_expr).lower() for w in words)
            for n in self._walk()
            if isinstance(n, ast.With | ast.AsyncWith) and _inside(n.body, self.site.line)
            for i in n.items
        )

    def receiver_is_shared(self, above: frozenset[str]) -> Owner:
        """Whether the object whose method this line calls is shared by the way it is named.

        Args:
            above: functions further out on the same stack: what they define is this thread's own.
        """
        for node in self._walk():
            if not (isinstance(node, ast.Call) and _covers(node, self.site.line)):
                continue
            if not isinstance(node.func, ast.Attribute) or not isinstance(node.func.value, ast.Name):
                continue
            return self._owner(node.func.value.id, above)
        return Owner.UNKNOWN

    def borrows(self) -> bool:
        """Whether this line takes a connection out of a queue that serves as a pool (rather than a job to do)."""
        for node in self._walk():
            if not (isinstance(node, ast.Assign | ast.Return | ast.Expr | ast.withitem | ast.Yield)):
                continue
            if not _covers_any(node, self.site.line):
                continue
            got = next(
                (
                    c
                    for c in ast.walk(node)
                    if isinstance(c, ast.Call) and isinstance(c.func, ast.Attribute) and c.func.attr == "get"
                ),
                None,
            )
            if got is None:
                continue
            assert isinstance(got.func, ast.Attribute)
            queue = ast.unparse(got.func.value)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                if self._used_as_connection(node.targets[0].id, queue):
                    return True
            if isinstance(node, ast.Return | ast.Yield) and self._module.puts_back(queue):
                return True
        return False

    def _used_as_connection(self, name: str, queue: str) -> bool:
        for call in self._every_call():
            if not isinstance(call.func, ast.Attribute):
                continue
            on = call.func.value
            if isinstance(on, ast.Name) and on.id == name and call.func.attr in _CONNECTION_CALLS:
                return True
            back = any(isinstance(a, ast.Name) and a.id == name for a in call.args)
            if call.func.attr in ("put", "put_nowait") and ast.unparse(on) == queue and back:
                return True
        return False

    def _walk(self) -> Iterator[ast.AST]:
        """The function's nodes, not those of functions inside it."""
        stack: list[ast.AST] = list(ast.iter_child_nodes(self._function))
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
                if not stderr or node.func.attr == "recv_stderr" or _names(node.func.value) & streams:
                    yield node.lineno
            elif isinstance(node, ast.For | ast.comprehension) and _names(node.iter) & streams:
                yield node.iter.lineno
            elif isinstance(node, ast.Call) and any(_names(a) & streams for a in [*node.args, *_values(node)]):
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
                names |= {e.id for e in wanted if isinstance(e, ast.Name)}
        return names - {"_"}

    def _lock(self, expression: ast.expr) -> LockName:
        text = ast.unparse(expression)
        node: ast.expr = expression
        while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
            node = node.func if isinstance(node, ast.Call) else node.value
        root = node.id if isinstance(node, ast.Name) else ""
        if root in ("self", "cls"):
            scope = self._module.class_of(self._function)
        elif root in _bound_in(self._function):
            scope = f"{getattr(self._function, 'name', '')}()"
        else:
            scope = ""
        return LockName(text=text, root=root, rest=text[len(root) :], scope=scope, file=self.site.file)

    def _owner(self, name: str, above: frozenset[str]) -> Owner:
        function = self._function
        if name in ("self", "cls"):
            return Owner.UNKNOWN
        if name in _bound_in(function):
            return Owner.OWN if name in _assigned_in(function) else Owner.UNKNOWN
        outer = self._module.parent_function(function)
        while outer is not None:
            if name in _bound_in(outer):
                return Owner.OWN if getattr(outer, "name", "") in above else Owner.SHARED
            outer = self._module.parent_function(outer)
        return Owner.SHARED if self._module.binds(name) else Owner.UNKNOWN


_CONNECTION_CALLS = frozenset(
    "exec_command open_sftp invoke_shell get_transport open_session open_channel stat listdir listdir_attr put getfo "
    "putfo run sudo send_command".split()
)


class Module:
    """One source file, parsed.

    Threads: immutable after construction; any thread.
    """

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self._tree = ast.parse(text)
        self._parents: dict[ast.AST, ast.AST] = {}
        self._locks: set[str] = set()
        self._puts: set[str] = set()
        for node in ast.walk(self._tree):
            for child in ast.iter_child_nodes(node):
                self._parents[child] = node
            if isinstance(node, ast.Assign | ast.AnnAssign) and _makes_lock(node.value):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                self._locks |= {_last(t) for t in targets}
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr in ("put", "put_nowait"):
                    self._puts.add(ast.unparse(node.func.value))

    def line(self, number: int) -> str:
        """The text of a line (1-based), stripped; "" beyond the end."""
        return self._lines[number - 1].strip() if 0 < number <= len(self._lines) else ""

    def place(self, site: Site) -> Place | None:
        """The place of a frame, or None where the file does not fit it (another version of it, another file)."""
        function = self._function_at(site.line)
        name = getattr(function, "name", "<module>")
        wanted = site.function.rpartition(".")[2] if not site.function.endswith(">") else site.function
        if wanted.startswith("<") and wanted != "<module>":
            wanted = name  # a comprehension or lambda belongs to the function around it
        if wanted.endswith(">"):
            wanted = wanted if "." not in wanted else name
        return Place(self, site, function) if name == wanted and site.line <= len(self._lines) else None

    def is_lock(self, expression: ast.expr) -> bool:
        """Whether an expression is a lock: by its assignment in this file, or by its name."""
        name = _last(expression)
        return name in self._locks or bool(name and (_LOCK_NAME.search(name) or _LOCK_WORD.search(name)))

    def class_of(self, function: ast.AST) -> str:
        """The name of the class whose method (or function inside a method) it is; "" where there is none."""
        node: ast.AST | None = function
        while node is not None:
            if isinstance(node, ast.ClassDef):
                return node.name
            node = self._parents.get(node)
        return ""

    def parent_function(self, node: ast.AST) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The function around a function."""
        outer = self._parents.get(node)
        while outer is not None and not isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef):
            outer = self._parents.get(outer)
        return outer

    def binds(self, name: str) -> bool:
        """Whether the module itself binds the name to something (not by an import)."""
        return name in _assigned_in(self._tree)

    def puts_back(self, queue: str) -> bool:
        """Whether something is put into the queue of that expression anywhere in the file."""
        return queue in self._puts

    def handles_signals(self, function: str) -> bool:
        """Whether a function of that name is installed with ``signal.signal`` or ``add_signal_handler``."""
        return any(
            isinstance(n, ast.Call)
            and isinstance(n.func, ast.Attribute | ast.Name)
            and _last(n.func) in ("signal", "add_signal_handler", "sigaction")
            and any(_last(a) == function for a in n.args[1:])
            for n in ast.walk(self._tree)
        )

    def _function_at(self, line: int) -> ast.AST:
        best: ast.AST = self._tree
        for node in ast.walk(self._tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _covers(node, line):
                if node.lineno >= getattr(best, "lineno", 0):
                    best = node
        return best


class Sources:
    """Finds and parses the files that frames name.

    Threads: for one thread at a time (it caches); reads files.
    """

    def __init__(self, roots: Iterable[Path] = (), *, prefix: Path | None = None) -> None:
        """Prepares a search; nothing is read yet.

        Args:
            roots: folders in which to look for files that a dump names with shortened paths.
            prefix: where the process's root folder is seen from here (``/proc/PID/root`` of a container).
        """
        self._roots = tuple(dict.fromkeys(roots))
        self._prefix = prefix
        self._modules: dict[str, Module | None] = {}

    def place(self, site: Site) -> Place | None:
        """The place of a frame's site, or None where its source is not to be found."""
        module = self.module(site.file)
        return module.place(site) if module is not None else None

    def module(self, file: str) -> Module | None:
        """The parsed file, or None."""
        if file not in self._modules:
            self._modules[file] = next((m for m in map(_parsed, self._candidates(file)) if m is not None), None)
        return self._modules[file]

    def _candidates(self, file: str) -> Iterator[Path]:
        if not file or file.startswith("<") or "\0" in file:
            return
        path = Path(file)
        if path.is_absolute():
            if self._prefix is not None:
                yield self._prefix / file.lstrip("/")
            yield path
        parts = [p for p in path.parts if p not in ("/", "\\", "..", ".")]
        for start in range(min(len(parts), 6)):
            for root in self._roots:
                yield root.joinpath(*parts[start:])


def _parsed(path: Path) -> Module | None:
    try:
        if not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
            return None
        return Module(path.read_text(encoding="utf-8", errors="replace"))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _covers(node: ast.AST, line: int) -> bool:
    first = getattr(node, "lineno", None)
    last = getattr(node, "end_lineno", None)
    return first is not None and last is not None and first <= line <= last


def _covers_any(node: ast.AST, line: int) -> bool:
    return _covers(node, line) or any(_covers(c, line) for c in ast.iter_child_nodes(node))


def _inside(body: list[ast.stmt], line: int) -> bool:
    return any(_covers(statement, line) for statement in body)


def _last(node: ast.AST) -> str:
    """``locks`` of ``self.locks[host]``, ``lock_of`` of ``self.lock_of(host)``."""
    while isinstance(node, ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _names(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _values(call: ast.Call) -> list[ast.expr]:
    return [k.value for k in call.keywords]


def _makes_lock(value: ast.AST | None) -> bool:
    return isinstance(value, ast.Call) and _last(value.func) in _LOCK_TYPES


def _bound_in(function: ast.AST) -> set[str]:
    """Names that are local to the function: parameters and what it assigns."""
    names = _assigned_in(function)
    arguments = getattr(function, "args", None)
    if isinstance(arguments, ast.arguments):
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        names |= {a.arg for a in every if a is not None}
    return names


def _assigned_in(function: ast.AST) -> set[str]:
    names: set[str] = set()
    outside: set[str] = set()
    stack: list[ast.AST] = list(getattr(function, "body", []))
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Global | ast.Nonlocal):
            outside |= set(node.names)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            stack.extend(ast.iter_child_nodes(node))
    return names - outside
