"""Definitions and imports: functions, classes, modules; and the reading of a module's body."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from paramedic.lint import calls, classes, frameworks, library
from paramedic.lint.modules import Module
from paramedic.lint.scope import Scope
from paramedic.lint.values import (
    Bound,
    ClassValue,
    Const,
    External,
    Function,
    ModuleValue,
    Obj,
    Unknown,
    Value,
    alternatives,
    text_of,
)

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def function(w: Walker, node: AnyFunction) -> Function:
    """The function that a definition makes here, with its defaults, before decorators.

    Threads: the reader's own; does not block.
    """
    made = Function(node, w.module, w.scope, loops=w.loops)
    w.world.functions.setdefault(id(w.module), []).append(made)
    arguments = node.args
    plain = [*arguments.posonlyargs, *arguments.args]
    for argument, default in zip(plain[len(plain) - len(arguments.defaults) :], arguments.defaults, strict=True):
        made.defaults[argument.arg] = w.evaluate(default)
    for argument, given in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if given is not None:
            made.defaults[argument.arg] = w.evaluate(given)
    return made


def _define(w: Walker, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    made: Value = function(w, node)
    for decorator in reversed(node.decorator_list):
        made = _decorate(w, made, decorator)
    w.scope.assign(node.name, made)
    return False


_KINDS = {
    "staticmethod": "static",
    "classmethod": "class",
    "property": "property",
    "cached_property": "kept property",
    "cache": "cached",
    "lru_cache": "cached",
    "contextmanager": "context",
    "asynccontextmanager": "context",
}


def _decorate(w: Walker, made: Value, decorator: ast.expr) -> Value:
    value = w.evaluate(decorator)
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    spelled = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    if isinstance(made, Function) and spelled.endswith("fixture") and _yields(made.node):
        made.kind = made.kind or "context"
        return made
    for option in alternatives(value):
        registrar = frameworks.registrar(w, option, decorator)
        if registrar is not None and isinstance(made, Function):
            registrar.run([made], {})
            return made
        path = option.path if isinstance(option, External) else getattr(option, "name", "")
        last = path.rsplit(".", 1)[-1]
        if isinstance(made, Function) and last in _KINDS and not isinstance(option, Function):
            if _KINDS[last] == "cached":
                made.memory = {}
                return made
            made.kind = made.kind or _KINDS[last]
            return made
        if isinstance(option, Function):
            result = calls.call(w, option, [made], {}, decorator)
            inner = [o for o in alternatives(result) if isinstance(o, Function)]
            # A decorator that gives a wrapper for coroutines and another for plain functions gives this one its own.
            same = isinstance(getattr(made, "node", None), ast.AsyncFunctionDef)
            inner.sort(key=lambda f: isinstance(f.node, ast.AsyncFunctionDef) != same)
            if inner and isinstance(made, Function):
                w.world.entered.add(id(inner[0].node))
                wrapped = inner[0].bind(inner[0].bound) if inner[0].bound else inner[0]
                wrapped.kind = wrapped.kind or made.kind
                w.world.wrapped[id(made.node)] = wrapped
                return wrapped
            return made
    name = spelled.lower()
    if isinstance(made, Function) and _KINDS.get(name) == "cached":
        made.memory = {}
    if isinstance(made, Function) and library.has_word(spelled, "lock", "synchron"):
        made.kind = made.kind or "locked"
    return made


def _yields(node: AnyFunction) -> bool:
    """Whether a function's own body is a generator's."""
    waiting: list[ast.AST] = list(ast.iter_child_nodes(node))
    while waiting:
        one = waiting.pop()
        if isinstance(one, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            waiting.extend(ast.iter_child_nodes(one))
    return False


def _class(w: Walker, node: ast.ClassDef) -> bool:
    made = ClassValue(node.name, node, w.module)
    made.bases = [_base(o) for base in node.bases for o in alternatives(w.evaluate(base))]
    made.is_record = any(p.endswith("NamedTuple") for p in made.external_bases())
    for decorator in node.decorator_list:
        text = ast.unparse(decorator)
        if any(word in text for word in ("dataclass", "attr.s", "attrs", "define", "frozen")):
            made.is_record = True
    scope = Scope(w.scope, is_class=True)
    made.scope = scope
    made.single = _is_singleton(w, node)
    with w.inside(scope, w.module, w.function):
        w.block(node.body)
    for name, value in scope.names.items():
        made.members[name] = value
        if isinstance(value, Function):
            value.owner = made
    if made.is_record:
        inherited = [f for base in made.bases if isinstance(base, ClassValue) for f in base.fields]
        made.fields = inherited + [
            (s.target.id, s.value)
            for s in node.body
            if isinstance(s, ast.AnnAssign)
            and isinstance(s.target, ast.Name)
            and "ClassVar" not in ast.unparse(s.annotation)
        ]
    w.world.classes.append(made)
    w.scope.assign(node.name, made)
    return False


_PROCESSES = {"": "Process", "fork": "ForkProcess", "spawn": "SpawnProcess", "forkserver": "ForkServerProcess"}


def _base(value: Value) -> Value:
    """A base class; the ``Process`` of ``multiprocessing.get_context("fork")`` is the class that stands behind it."""
    if isinstance(value, Bound) and isinstance(value.receiver, Obj) and value.receiver.kind == "mpcontext":
        method = text_of(value.receiver.parts.get("__method", Const(""))) or ""
        return External(f"multiprocessing.context.{_PROCESSES.get(method, value.name)}")
    return value


def _is_singleton(w: Walker, node: ast.ClassDef) -> bool:
    """Whether calling a class gives the same object each time: by its metaclass, a decorator, or its ``__new__``."""
    given = [k.value for k in node.keywords if k.arg == "metaclass"] + node.decorator_list
    if any("singleton" in ast.unparse(g).lower() for g in given):
        return True
    for value in (o for k in node.keywords if k.arg == "metaclass" for o in alternatives(w.evaluate(k.value))):
        if isinstance(value, ClassValue) and isinstance(value.find("__call__"), Function):
            return "instance" in ast.unparse(value.node).lower()
    new = next((s for s in node.body if isinstance(s, ast.FunctionDef) and s.name == "__new__"), None)
    if new is None or not new.args.args:
        return False
    owners = {new.args.args[0].arg, node.name}
    return any(
        isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store) and ast.unparse(n.value) in owners
        for n in ast.walk(new)
    )


def _import(w: Walker, node: ast.Import) -> bool:
    _note(w, node, [alias.name for alias in node.names])
    for alias in node.names:
        if alias.asname:
            w.scope.assign(alias.asname, import_module(w, alias.name))
        else:
            import_module(w, alias.name)
            w.scope.assign(alias.name.split(".")[0], import_module(w, alias.name.split(".")[0]))
    return False


def _note(w: Walker, node: ast.stmt, names: list[str]) -> None:
    """An import in a thread waits for whoever is importing just that module: each has a lock of its own."""
    if w.context.parent is not None and w.at_import:
        found = (w.world.find_module(name, w.module.source.path) for name in names)
        if any(module is not None and str(module.source.path) == w.at_import for module in found):
            w.record(w.make("world", node), "import", frozenset({"imports"}), node)


def import_module(w: Walker, name: str) -> Value:
    """The module of that absolute name: of the tree where it matters, else External.

    Threads: the reader's own; does not block.
    """
    module = w.world.find_module(name, w.module.source.path)
    if module is None or module is w.module:
        return External(name)
    run_module(w, module)
    return ModuleValue(module)


def _import_from(w: Walker, node: ast.ImportFrom) -> bool:
    base = w.module.absolute(node.level, node.module)
    _note(w, node, [base, *(f"{base}.{alias.name}" for alias in node.names)] if base else [])
    module = w.world.find_module(base, w.module.source.path) if base else None
    if module is not None and module is not w.module:
        run_module(w, module)
    for alias in node.names:
        if alias.name == "*":
            if module is not None:
                for name, value in module.scope.names.items():
                    w.scope.assign(name, value)
            continue
        value = _member(w, module, base, alias.name)
        w.scope.assign(alias.asname or alias.name, value)
    return False


def _member(w: Walker, module: Module | None, base: str, name: str) -> Value:
    if module is not None:
        found = module.scope.lookup(name)
        if found is not None:
            return found
    below = w.world.find_module(f"{base}.{name}" if base else name, w.module.source.path)
    if below is not None and below is not w.module:
        run_module(w, below)
        return ModuleValue(below)
    return External(f"{base}.{name}")


def star_imports(module: Module) -> Iterable[str]:
    """The distributions' modules from which a module imports everything.

    Threads: the reader's own; does not block.
    """
    if module.stars is None:
        module.stars = tuple(
            statement.module
            for statement in module.tree.body
            if isinstance(statement, ast.ImportFrom) and statement.level == 0 and statement.module
            if any(alias.name == "*" for alias in statement.names)
        )
    return module.stars


def run_module(w: Walker, module: Module) -> None:
    """Reads a module's body once, as its import runs it.

    Threads: the reader's own; does not block.
    """
    if module.state != "new":
        return
    module.state = "running"
    before = (w.at_import, w.path, w.locks, w.guards, w.on_yield, w.returns, w.loops, w.in_finally, w.in_handler)
    w.at_import = str(module.source.path)
    w.path, w.guards, w.on_yield, w.returns = [], 0, None, []
    with w.inside(module.scope, module, "<module>"):
        w.block(module.tree.body)
    (w.at_import, w.path, w.locks, w.guards, w.on_yield, w.returns, w.loops, w.in_finally, w.in_handler) = before
    module.state = "done"


def _global(w: Walker, node: ast.Global) -> bool:
    for name in node.names:
        w.scope.declare_global(name)
    return False


def _nonlocal(w: Walker, node: ast.Nonlocal) -> bool:
    for name in node.names:
        w.scope.declare_nonlocal(name)
    return False


def annotated(w: Walker, scope: Scope, module: Module, annotation: ast.expr | None) -> Value | None:
    """What a parameter is, by its annotation: a known class of Paramiko or an instance of a class of the tree.

    Threads: the reader's own; does not block.
    """
    if annotation is None:
        return None
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        quoted = w.world.annotations.get(id(annotation))
        if quoted is None:
            try:
                quoted = ast.parse(annotation.value, mode="eval").body
            except (SyntaxError, ValueError):
                return None
            w.world.annotations[id(annotation)] = quoted
            for inside in ast.walk(quoted):
                ast.copy_location(inside, annotation)
        annotation = quoted
    if isinstance(annotation, ast.Subscript):
        head = ast.unparse(annotation.value).rsplit(".", 1)[-1]
        if head not in {"Optional", "Annotated", "Final"}:
            return None
        inner = annotation.slice
        return annotated(w, scope, module, inner.elts[0] if isinstance(inner, ast.Tuple) and inner.elts else inner)
    if isinstance(annotation, ast.BinOp):
        named = [one for one in _members(annotation) if not (isinstance(one, ast.Constant) and one.value is None)]
        return annotated(w, scope, module, named[0]) if len(named) == 1 else None  # else nobody can say which
    if not isinstance(annotation, (ast.Name, ast.Attribute)):
        return None
    with w.inside(scope, module, w.function):
        value = w.evaluate(annotation)
    for option in alternatives(value):
        if isinstance(option, External):
            kind = classes.kind_of_class(option.path)
            if kind is not None:
                made = w.make(kind, annotation)
                made.loops = ()
                made.born = 0
                w.world.escaped.add(id(made))
                return made
        if isinstance(option, ClassValue):
            return calls.stand_in(w, option, annotation)
    return None


def _members(union: ast.expr) -> list[ast.expr]:
    """The alternatives of ``A | B | None``."""
    if isinstance(union, ast.BinOp):
        return [*_members(union.left), *_members(union.right)]
    return [union]


def promised(w: Walker, fn: Function | None, annotation: ast.expr | None, value: Value, node: ast.AST) -> Value:
    """A value of which nothing is known but its annotation: what a function returns, what a variable is declared as.

    Threads: the reader's own; does not block.
    """
    if annotation is None or not isinstance(value, Unknown) or value.became is not None:
        return value
    promising = w.world.promising.get(id(annotation))
    if promising is None:
        text = ast.unparse(annotation)
        promising = w.world.promising[id(annotation)] = any(word in text for word in _PROMISES)
    if not promising:
        return value
    made = (
        annotated(w, fn.scope, fn.module, annotation) if fn is not None else annotated(w, w.scope, w.module, annotation)
    )
    if isinstance(made, Obj):
        made.site, made.loops, made.born = w.site(node), w.loops, w.world.next_moment()
        return made
    return value


_PROMISES = ("SSHClient", "Transport", "Channel", "SFTP", "Connection", "BaseConnection")

READERS: dict[type[ast.AST], Callable[[Walker, Any], bool]] = {
    ast.FunctionDef: _define,
    ast.AsyncFunctionDef: _define,
    ast.ClassDef: _class,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.Global: _global,
    ast.Nonlocal: _nonlocal,
}
