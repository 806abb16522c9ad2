"""The user's source files, where they can be found.

A dump says where a thread stands; the source says what stands there.
"""

from __future__ import annotations

import ast
import bisect
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

from paramedic.dump.place import LockName, Place
from paramedic.dump.syntax import assigned_in, covers, last, makes_lock, makes_mutex, makes_semaphore, sounds_like_lock
from paramedic.model.finding import Site

MAX_FILE_BYTES = 5_000_000

_MAKE_MANAGERS = ("contextmanager", "asynccontextmanager")


class Module:
    """One source file, parsed.

    Attributes:
        tree: its syntax tree.
        functions: every function and method in it, by name.

    Threads: for one thread at a time (it keeps what it found).
    """

    def __init__(self, text: str, file: str = "") -> None:
        """Parses it.

        Args:
            text: the source.
            file: as a dump names it.

        Raises:
            SyntaxError: it is no Python.
            ValueError: there are NUL characters in it.
        """
        self._file = file
        self._lines = text.splitlines()
        self.tree = ast.parse(text)
        self.functions: dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]] = {}
        self._parents: dict[ast.AST, ast.AST] = {}
        self._locks: set[str] = set()
        self._reentrant: set[str] = set()
        self._counted: set[str] = set()
        self._mutexes: set[str] = set()
        self._managers: dict[str, ast.AST] = {}
        self._makers: dict[str, str] = {}
        self._under: dict[str, str] = {}
        self._managed: dict[str, tuple[LockName, ...]] = {}
        for node in ast.walk(self.tree):
            for child in ast.iter_child_nodes(node):
                self._parents[child] = node
            if isinstance(node, ast.Assign | ast.AnnAssign):
                for name, made in _made(node):
                    self._makers[name] = last(made.func)
                    if last(made.func) == "Condition" and made.args:
                        self._under[name] = last(made.args[0])
                    if makes_semaphore(made):
                        self._counted.add(name)
                    elif makes_lock(made):
                        self._locks.add(name)
                        if makes_mutex(made):
                            self._mutexes.add(name)
                        if last(made.func) in ("RLock", "Condition"):
                            self._reentrant.add(name)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self.functions.setdefault(node.name, []).append(node)
                if any(last(d) in _MAKE_MANAGERS for d in node.decorator_list):
                    self._managers[node.name] = node
            elif isinstance(node, ast.ClassDef):
                enter = next((f for f in node.body if getattr(f, "name", "") == "__enter__"), None)
                if enter is not None:
                    self._managers[node.name] = enter

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
        name = last(expression)
        if self.is_counted(expression):
            return False
        return name in self._locks or sounds_like_lock(name)

    def is_counted(self, expression: ast.expr) -> bool:
        """Whether the file makes a semaphore of that name: several threads may hold it, so nobody waits for one."""
        return last(expression) in self._counted

    def is_mutex(self, name: str) -> bool:
        """Whether the file makes a semaphore of that name that one thread alone may hold."""
        return name in self._mutexes

    def is_reentrant(self, expression: ast.expr) -> bool:
        """Whether the file makes a lock of that name that its holder may take again."""
        return last(expression) in self._reentrant

    def managers(self, name: str) -> tuple[LockName, ...]:
        """The locks that ``with NAME(…):`` holds in its body, for a context manager that this file defines."""
        if name not in self._managers:
            return ()
        if name not in self._managed:
            self._managed[name] = ()  # a context manager that uses itself
            function = self._managers[name]
            yields = [n.lineno for n in ast.walk(function) if isinstance(n, ast.Yield)]
            line = yields[0] if yields else (getattr(function, "end_lineno", None) or 0) + 1
            site = Site(file=self._file, line=line, function=getattr(function, "name", ""))
            self._managed[name] = Place(self, site, function).holds()
        return self._managed[name]

    def maker_of(self, expression: ast.expr) -> str:
        """The class or function that the file calls to make what it binds to the expression's last name; or ""."""
        return self._makers.get(last(expression), "")

    def lock_of_condition(self, name: str) -> str:
        """The last name of the lock that the file makes the condition of that name with; "" where it makes its own."""
        return self._under.get(name, "")

    def makes_local(self, name: str) -> bool:
        """Whether the file binds the name to a ``threading.local``, or to an object of a class derived from it."""
        maker = self._makers.get(name, "")
        return maker == "local" or maker in self._locals

    @cached_property
    def _locals(self) -> frozenset[str]:
        """The classes that are derived from ``threading.local``."""
        classes = (n for n in ast.walk(self.tree) if isinstance(n, ast.ClassDef))
        return frozenset(c.name for c in classes if any(last(base) == "local" for base in c.bases))

    def handles_exit(self, function: str) -> bool:
        """Whether a function of that name is registered with ``atexit``."""
        return function in self._exit_handlers

    @cached_property
    def _exit_handlers(self) -> frozenset[str]:
        register = "atexit.register"
        calls = (n for n in ast.walk(self.tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == register)
        every = ((name, f) for name, functions in self.functions.items() for f in functions)
        decorated = {name for name, f in every if any(ast.unparse(d) == register for d in f.decorator_list)}
        return frozenset(decorated | {last(a) for c in calls for a in c.args[:1]})

    def class_of(self, function: ast.AST) -> str:
        """The name of the class whose method (or function inside a method) it is; "" where there is none."""
        node: ast.AST | None = function
        while node is not None:
            if isinstance(node, ast.ClassDef):
                return node.name
            node = self._parents.get(node)
        return ""

    def beside(self, function: ast.AST) -> tuple[ast.AST, ...]:
        """The methods of a method's class; of another function, those that name it, as the target of a thread."""
        of_class = self._parents.get(function)
        if isinstance(of_class, ast.ClassDef):
            return tuple(n for n in of_class.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
        return tuple(f for f in self._naming.get(getattr(function, "name", ""), ()) if f is not function)

    @cached_property
    def _naming(self) -> dict[str, list[ast.AST]]:
        """By name, the functions in which it occurs; only names of functions of this file."""
        found: dict[str, list[ast.AST]] = {}
        for function in (f for functions in self.functions.values() for f in functions):
            names = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)}
            for name in names & self.functions.keys():
                found.setdefault(name, []).append(function)
        return found

    def receiver_of(self, function: ast.AST) -> str:
        """The name by which a method has its own object, mostly ``self``; "" of a function that is no method."""
        if not isinstance(self._parents.get(function), ast.ClassDef):
            return ""
        assert isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        if any(last(d) == "staticmethod" for d in function.decorator_list):
            return ""
        parameters = [*function.args.posonlyargs, *function.args.args]
        return parameters[0].arg if parameters else ""

    @cached_property
    def forks(self) -> bool:
        """Whether the file calls ``os.fork``."""
        return any(isinstance(n, ast.Call) and last(n.func) == "fork" for n in ast.walk(self.tree))

    def parent_function(self, node: ast.AST) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The function around a function."""
        outer = self._parents.get(node)
        while outer is not None and not isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef):
            outer = self._parents.get(outer)
        return outer

    def binds(self, name: str) -> bool:
        """Whether the module itself binds the name to something (not by an import)."""
        classes = (n.name for n in self.tree.body if isinstance(n, ast.ClassDef))
        return name in assigned_in(self.tree) or name in classes

    def handles_signals(self, function: str) -> bool:
        """Whether a function of that name is installed with ``signal.signal`` or ``add_signal_handler``."""
        return function in self._signal_handlers

    @cached_property
    def _signal_handlers(self) -> frozenset[str]:
        installs = ("signal", "add_signal_handler", "sigaction")
        calls = (n for n in ast.walk(self.tree) if isinstance(n, ast.Call))
        return frozenset(
            last(a)
            for c in calls
            if isinstance(c.func, ast.Attribute | ast.Name) and last(c.func) in installs
            for a in c.args[1:]
        )

    def _function_at(self, line: int) -> ast.AST:
        """The innermost function around a line: of those that begin before it, the last that reaches it."""
        starts, functions = self._by_line
        for number in range(bisect.bisect_right(starts, line) - 1, -1, -1):
            if covers(functions[number], line):
                return functions[number]
        return self.tree

    @cached_property
    def _by_line(self) -> tuple[list[int], list[ast.AST]]:
        found = [n for n in ast.walk(self.tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
        found.sort(key=lambda n: n.lineno)
        return [n.lineno for n in found], [*found]


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
        self._places: dict[Site, Place | None] = {}

    def place(self, site: Site) -> Place | None:
        """The place of a frame's site, or None where its source is not to be found."""
        if site not in self._places:
            module = self.module(site.file)
            self._places[site] = module.place(site) if module is not None else None
        return self._places[site]

    def module(self, file: str) -> Module | None:
        """The parsed file, or None."""
        if file not in self._modules:
            self._modules[file] = next((m for p in self._candidates(file) if (m := _parsed(p, file)) is not None), None)
        return self._modules[file]

    def managers(self, name: str) -> tuple[LockName, ...]:
        """The locks that a context manager of that name holds, of any file that was looked into so far."""
        found = (m.managers(name) for m in list(self._modules.values()) if m is not None)
        return next((locks for locks in found if locks), ())

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


def _made(node: ast.Assign | ast.AnnAssign) -> Iterator[tuple[str, ast.Call]]:
    """The names that an assignment binds to the results of calls: ``a, b = Lock(), Lock()`` gives two."""
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = list(zip(target.elts, node.value.elts, strict=False))
        else:
            pairs = [(target, node.value)] if node.value is not None else []
        for name, value in pairs:
            if isinstance(value, ast.Call):
                yield last(name), value


def _parsed(path: Path, file: str) -> Module | None:
    try:
        if not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
            return None
        return Module(path.read_text(encoding="utf-8", errors="replace"), file)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
