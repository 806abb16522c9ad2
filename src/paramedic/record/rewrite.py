"""Put probes into a Python function without putting a frame around it.

The function's source is parsed, its body set into ``try``/``except``, its ``return`` statements passed through a probe,
and the result compiled with the same file name, lines and columns. Then ``function.__code__`` is replaced. What is
undone is undone by putting the old code object back.

Threads: the thread that starts or stops a recording; reads source files.
"""

from __future__ import annotations

import ast
from collections.abc import Container, Iterable
from types import CodeType, FunctionType

from paramedic.record.patches import (
    CALLER,
    ENTER,
    FAIL,
    FIRST,
    KEPT,
    LEAVE,
    CannotRewrite,
    Guard,
    Patch,
    Target,
    makers,
    placeholder,
    with_probes,
)
from paramedic.record.span_code import set_span, set_stored
from paramedic.record.syntax import OwnStatements, another, callable_constant, placed

_TOKEN, _ERROR = "__paramedic_token", "__paramedic_error"
_FUTURE_FLAGS = 0x1FE0000  # CO_FUTURE_DIVISION to CO_FUTURE_ANNOTATIONS
_GENERATOR_FLAGS = 0x20 | 0x80 | 0x200  # CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR


def prepare(function: FunctionType, target: Target) -> Patch:
    """Compile a version of ``function`` with the target's probes, which must not raise: that would reach the program.

    Args:
        function: a plain Python function or method, not a generator or coroutine.
        target: what to put in.

    Raises:
        CannotRewrite: with the reason; the function is as it was.

    Threads: pure, but for reading the source file.
    """
    code = compiled(function, target)
    if code.co_freevars != function.__code__.co_freevars:
        raise CannotRewrite(f"its closure differs: {code.co_freevars} instead of {function.__code__.co_freevars}")
    return with_probes(function, code, target)


def compiled(function: FunctionType, target: Target) -> CodeType:
    """The rewritten code with places for the probes, which `with_probes` fills; can be marshalled.

    Raises:
        CannotRewrite: with the reason.

    Threads: pure, but for reading the source file.
    """
    original = function.__code__
    if original.co_flags & _GENERATOR_FLAGS:
        raise CannotRewrite("it is a generator or a coroutine")
    definition = _definition(original)
    if target.makers:
        _RealMakers(target.makers).visit(definition)
    if target.span is not None:
        set_span(definition, target)
    elif target.stored is not None:
        set_stored(definition, target)
    elif not target.only:
        _set_probes(definition, target)
    # not run, only compiled: with a decorator the code's first line is the decorator's, where `inspect` looks for it
    definition.decorator_list = [ast.copy_location(ast.Constant(None), d) for d in definition.decorator_list[:1]]
    definition.returns = None
    code = _compile(definition, original, function.__qualname__)
    return _renamed(code, code.co_qualname, original.co_qualname)


def _renamed(code: CodeType, was: str, name: str) -> CodeType:
    """The code and all inside it called as in its file, where there are no stand-ins of ours around it."""

    def renamed(constant: object) -> object:
        if isinstance(constant, CodeType):
            return _renamed(constant, was, name)
        # a class's body says its own name
        return name + constant[len(was) :] if isinstance(constant, str) and constant.startswith(was + ".") else constant

    constants = tuple(map(renamed, code.co_consts))
    return code.replace(co_consts=constants, co_qualname=name + code.co_qualname[len(was) :])


def _definition(code: CodeType) -> ast.FunctionDef:
    """The function's definition, with the lines and columns that it has in its file."""
    lines = _lines(code.co_filename)
    first = code.co_firstlineno
    if not 0 < first <= len(lines):
        raise CannotRewrite("its source is not there")
    # under `python -X no_debug_ranges` only the lines are known where something begins
    ends = [end or line for c in _nested(code) for line, end, _, _ in c.co_positions()]
    last = max((end for end in ends if end), default=first)
    indent = len(lines[first - 1]) - len(lines[first - 1].lstrip())
    # what follows the last bytecode may still belong to it: a closing bracket, the end of a docstring-only body
    for end in range(last, min(last + 40, len(lines)) + 1):
        try:
            # "if 1:" on a line of its own gives indented source a home without moving its columns
            tree = ast.parse(("if 1:\n" if indent else "\n") + "".join(lines[first - 1 : end]))
        except SyntaxError:
            continue
        body = tree.body[0].body if indent and isinstance(tree.body[0], ast.If) else tree.body
        if body and isinstance(body[0], ast.FunctionDef) and body[0].name == code.co_name:
            ast.increment_lineno(body[0], first - 2)
            return body[0]
        break
    raise CannotRewrite("its source does not say the same")


_read: dict[str, list[str]] = {}


def _lines(path: str) -> list[str]:
    lines = _read.get(path)
    if lines is None:
        try:
            with open(path, encoding="utf-8") as file:
                lines = file.readlines()
        except (OSError, ValueError):
            import linecache  # knows zip files and loaders

            lines = linecache.getlines(path)
        _read[path] = lines
    return lines


def forget_sources() -> None:
    """Free the source lines that `prepare` has kept."""
    _read.clear()


def _nested(code: CodeType) -> list[CodeType]:
    return [code, *(n for c in code.co_consts if isinstance(c, CodeType) for n in _nested(c))]


class _Returns(OwnStatements):
    """``return X`` becomes ``return X`` where nobody watches, else what the probe returns."""

    def visit_Return(self, node: ast.Return) -> ast.Return:
        value = node.value or ast.copy_location(ast.Constant(None), node)
        return ast.copy_location(ast.Return(_guarded_leave(value, node)), node)


class _RealMakers(ast.NodeTransformer):
    """``threading.Lock()`` calls the real one, if what would be called is what stands in for it.

    That would find out who calls, and only then call the real one: for as much work as Paramiko's own with the lock.
    """

    def __init__(self, names: Container[str]) -> None:
        self._names = names

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        maker = node.func
        if isinstance(maker, ast.Attribute) and isinstance(maker.value, ast.Name) and maker.value.id == "threading":
            name = maker.attr
        else:
            name = maker.id if isinstance(maker, ast.Name) else ""
        if name in self._names:
            ours, real = map(_constant, makers(name))
            node.func = placed(ast.IfExp(ast.Compare(maker, [ast.Is()], [ours]), real, maker), maker)
        return node


def _constant(name: str) -> ast.expr:
    return callable_constant(ast.Constant(name))


def _named(node: ast.expr) -> ast.expr:
    return _constant(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, str) else node


def _probe(name: str, arguments: list[ast.expr]) -> ast.Call:
    return ast.Call(_constant(name), arguments, [])


def _token() -> ast.Name:
    return ast.Name(_TOKEN, ast.Load())


def _unwatched() -> ast.Compare:
    return ast.Compare(_token(), [ast.Is()], [ast.Constant(None)])


def _guarded_leave(value: ast.expr, where: ast.AST) -> ast.expr:
    """``value if token is None else leave(token, value)``: one of the two arms runs, so the value is evaluated once."""
    return placed(ast.IfExp(_unwatched(), value, _probe(LEAVE, [_token(), value])), where)


class _Values(ast.NodeTransformer):
    """Puts into a guard's expression what its names mean."""

    def __init__(self, first: str, values: Iterable[str]) -> None:
        self._first = first
        self._values = frozenset(values)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id == FIRST:
            return ast.Name(self._first, ast.Load())
        if node.id in KEPT:
            return ast.Name(f"__paramedic{node.id}", node.ctx)
        if node.id == CALLER:  # the token's variable is free until the probe returns
            return ast.Name(_TOKEN, node.ctx)
        return ast.Constant(placeholder(node.id)) if node.id in self._values else node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        node.func = _named(node.func)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        node.value = _named(node.value)
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.ops[0], (ast.Is, ast.IsNot)):
            node.comparators = [_named(c) for c in node.comparators]
        return node


def _begin(
    first: str, passed: list[str], guard: Guard | None, asks_probe: bool, passes_over: list[ast.stmt]
) -> ast.stmt:
    """The token is what the probe returns; where the guard says no, it is not asked, and passed over."""
    token: list[ast.expr] = [ast.Name(_TOKEN, ast.Store())]
    if guard is None:
        it = ast.Name(first, ast.Load())
        return ast.Assign(token, _probe(ENTER, [ast.Name(p, ast.Load()) for p in passed]) if asks_probe else it)
    values: list[ast.expr] = [ast.Name(p, ast.Load()) for p in passed]
    known, unknown = list(values), list(values)
    if CALLER in guard.words:
        known.insert(1, _token())
        unknown.insert(1, ast.Constant(None))
    asked: ast.expr = _probe(ENTER, known) if asks_probe else ast.Name(first, ast.Load())
    again = _probe(ENTER, unknown) if asks_probe else ast.Name(first, ast.Load())
    words = _Values(first, guard.values).visit(ast.parse(guard.words, mode="eval").body)
    for node in ast.walk(words):  # these are lines and columns of the guard's words
        for attribute in ("lineno", "col_offset", "end_lineno", "end_col_offset"):
            node.__dict__.pop(attribute, None)
    if guard.sure:
        return ast.If(words, [ast.Assign(token, asked)], passes_over)
    # what goes wrong in the guard itself the probe looks at; what a signal handler raises meanwhile is the program's
    inside = ast.Attribute(
        ast.Attribute(ast.Name(_ERROR, ast.Load()), "__traceback__", ast.Load()), "tb_next", ast.Load()
    )
    other = ast.If(ast.Compare(inside, [ast.IsNot()], [ast.Constant(None)]), [ast.Raise()], [])
    wrong: list[ast.stmt] = [other, ast.Assign([ast.Name(_TOKEN, ast.Store())], again)]
    return ast.Try(
        [ast.If(words, [ast.Assign(token, asked)], passes_over)],
        [ast.ExceptHandler(ast.Name("Exception", ast.Load()), _ERROR, wrong)],
        [],
        [],
    )


def _set_probes(definition: ast.FunctionDef, target: Target) -> None:
    parameters = [a.arg for a in (*definition.args.posonlyargs, *definition.args.args, *definition.args.kwonlyargs)]
    passed = [*parameters[:1], *(a for a in target.parameters if a in parameters)]
    first = parameters[0] if parameters else ""
    body = definition.body
    has_docstring = (
        isinstance(body[0], ast.Expr)
        and isinstance(body[0].value, ast.Constant)
        and isinstance(body[0].value.value, str)
    )
    head, rest = (body[:1], body[1:]) if has_docstring else ([], body)
    begin: ast.AST = rest[0] if rest else definition
    if not target.ends:
        enter = _begin(first, passed, target.guard, target.enter is not None, [])
        definition.body = [*head, placed(enter, begin), *rest]
        return
    unwatched = another(rest)
    watched = [_Returns().visit(statement) for statement in rest]
    end = watched[-1] if watched else definition
    if not isinstance(end, (ast.Return, ast.Raise)):
        leave = ast.If(
            ast.Compare(_token(), [ast.IsNot()], [ast.Constant(None)]),
            [ast.Expr(_probe(LEAVE, [_token(), ast.Constant(None)]))],
            [],
        )
        watched.append(placed(leave, end))
    handler = ast.ExceptHandler(
        ast.Name("BaseException", ast.Load()),
        _ERROR,
        [
            ast.If(
                ast.Compare(_token(), [ast.IsNot()], [ast.Constant(None)]),
                [ast.Expr(_probe(FAIL, [_token(), ast.Name(_ERROR, ast.Load())]))],
                [],
            ),
            ast.Raise(),
        ],
    )
    guarded = ast.Try(watched, [handler], [], [])
    enter = _begin(first, passed, target.guard, target.enter is not None, [ast.Break()])
    if target.guard is None:
        definition.body = [*head, placed(enter, begin), placed(guarded, begin)]
        return
    # no loop: what is passed over leaves it by `break`, and runs as if there were no probes
    once = ast.While(ast.Constant(True), [enter, guarded, ast.Return(ast.Constant(None))], [])
    definition.body = [*head, placed(once, begin), *unwatched]


def _compile(definition: ast.FunctionDef, original: CodeType, qualname: str) -> CodeType:
    """Compile inside stand-ins for the scopes around it: its class (for ``__x`` and ``super()``), its closure."""
    # only the code is wanted: the values of the defaults stay with the function object
    definition.args.defaults = [ast.copy_location(ast.Constant(None), definition) for _ in definition.args.defaults]
    definition.args.kw_defaults = [
        None if d is None else ast.copy_location(ast.Constant(None), definition) for d in definition.args.kw_defaults
    ]
    outer = qualname.split(".")[:-1]
    inner: ast.stmt = definition
    if outer and outer[-1] != "<locals>":
        # one underscore more: names are mangled the same, and the class's own name stays a global of the module
        inner = ast.ClassDef(name="_" + outer[-1], bases=[], keywords=[], body=[inner], decorator_list=[])
    closure = [name for name in original.co_freevars if name != "__class__"]
    scope = ast.FunctionDef(
        name="<scope>",  # which no function is called that is looked for in it
        args=ast.arguments([], [ast.arg(n) for n in closure], None, [], [], None, []),
        body=[inner],
        decorator_list=[],
    )
    for node in (scope, inner):
        if "type_params" in node._fields:  # Python 3.12
            setattr(node, "type_params", [])  # noqa: B010
    module = ast.Module([placed(scope, definition)], [])
    try:
        future = original.co_flags & _FUTURE_FLAGS
        compiled = compile(module, original.co_filename, "exec", flags=future, dont_inherit=True, optimize=-1)
    except (SyntaxError, ValueError, TypeError) as e:
        raise CannotRewrite(f"it does not compile again: {e}") from None
    for code in _nested(compiled):
        if code.co_name == original.co_name and code.co_firstlineno >= original.co_firstlineno and code is not compiled:
            _check_same(code, original)
            return code
    raise CannotRewrite("it does not compile to a function")


def _check_same(code: CodeType, original: CodeType) -> None:
    """The file may have been replaced since the function was loaded from it (an upgrade while a daemon runs)."""
    ours = code.co_posonlyargcount, code.co_argcount, code.co_kwonlyargcount
    theirs = original.co_posonlyargcount, original.co_argcount, original.co_kwonlyargcount
    known = {*code.co_varnames, *code.co_cellvars}
    if (
        ours != theirs
        or not known.issuperset((*original.co_varnames, *original.co_cellvars))
        or not set(original.co_names) <= set(code.co_names)
    ):
        raise CannotRewrite("its source does not say the same")
