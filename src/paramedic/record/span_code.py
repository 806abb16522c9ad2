"""The code of a function that stores the beginning and the end of its calls by itself.

Most of what a probe costs is calling it. So the function's own code stores the row of a call, and when it returns the
time of that into the same row; where anything of that fails (a stack that is new, a chunk that is full), a probe does.
Functions of which only the beginning matters store another row there in the same way. Where the hot paths are there in
C (`paramedic.trace.native`), that code is one subscription.

Threads: the thread that starts a recording.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from paramedic.record.patches import CALLER, ENTER, FAIL, FIND_CALLER, FIRST, KEPT, LEAVE, Target, placeholder
from paramedic.record.syntax import OwnStatements, another, callable_constant, placed

_LOCALS = {
    name: f"__paramedic{name}" for name in ("_place", "_chunk", "_call", "_site", "_error", "_result", *KEPT)
} | {CALLER: "__paramedic_chunk"}  # until there is a chunk: after that, a probe looks for the caller itself
_PROBES = {"_enter": ENTER, "_leave": LEAVE, "_fail": FAIL}

# `_site` is first what `record.frames` keeps with the caller's frame; with frames of Paramiko's it keeps nothing.
# What goes wrong in here the probe looks at; what a signal handler raises meanwhile is the program's.
_BEGIN = """
try:
    if (_site := {caller}.f_trace) is not None and {plain} and (
        _site := _site.sites[_caller.f_lasti]
    ) is not None:
        _chunk = _current.local.chunk
        for _place in _chunk.rows:
            _pack(_chunk.mapping, _place * 32, _now(), _first._paramedic_id_ or _id_of(_first), _site, _begins)
            break
        else:
            _chunk, _place = _enter(_first, None{passed})
    elif {guard}:
        _chunk, _place = _enter(_first, _caller{passed})
    else:
        _chunk = None
except Exception as _error:
    if _error.__traceback__.tb_next is not None:
        raise
    _chunk, _place = _enter(_first, None{passed})
"""
_NO_PLACE = "_place = None"
_END = """
if _place is not None:
    try:
        {measure}
        _chunk.ends[_place] = _now()
    except Exception as _error:
        if _error.__traceback__.tb_next is not None:
            raise
        _leave((_chunk, _place), {result})
"""
_TOLD = """
if _place is not None:
    _leave((_chunk, _place), {result})
"""
_FAILED = """
if _place is not None:
    _fail((_chunk, _place), _error)
raise
"""
# in C: CPython looks for signals neither after a subscription nor before its result is assigned and a `try` has begun
_BEGIN_IN_C = "_call = _begin[_first{passed}]"
_RETURNS_IN_C = "return _call[None]"
_FAILED_IN_C = """
if _call:
    _fail(_call, _error)
raise
"""
_STORED = ("words", "fields", "then", "otherwise")
_STORES = """
try:
    if {words}:
        _chunk = _current.local.chunk
        for _place in _chunk.rows:
            _pack(_chunk.mapping, _place * 32, _now(), {fields})
            {then}
            break
        else:
            _enter(_first{passed})
    elif {otherwise}:
        _enter(_first{passed})
except Exception as _error:
    if _error.__traceback__.tb_next is not None:
        raise
    _enter(_first{passed})
"""


def set_span(definition: ast.FunctionDef, target: Target) -> None:
    """Have a function store its calls.

    Args:
        definition: of the function, with a first parameter; changed in place.
        target: with a span, and a guard whose words assign the caller's frame.
    """
    guard, span = target.guard, target.span
    assert guard is not None and span is not None
    first, passed = _parameters(definition, target)
    names = _Names(first, {**guard.values, **span.values})
    head, rest, begin = _body(definition)
    in_c = span.ends is not None
    passed_over: list[Any] = []
    if guard.often and in_c:
        asks: Any = names.code(f"if {guard.words}: pass\nelse: return", begin)[0]
        asks.orelse[:0] = another(rest)
        passed_over.append(asks)
    guarded_by = guard.words.replace(FIND_CALLER, CALLER)
    words = _BEGIN_IN_C if in_c else _BEGIN
    words = words.format(caller=FIND_CALLER, guard=guarded_by, plain=f"({span.words})", passed=passed)
    enter = names.code(words, begin)
    returns = _Returns(names, span.measure, in_c)
    watched: list[ast.stmt] = []
    for statement in rest:
        made = returns.visit(statement)
        watched += made if isinstance(made, list) else [made]
    end = watched[-1] if watched else definition
    if not isinstance(end, (ast.Return, ast.Raise)):
        watched += returns.end(end, "None", span.measure and "None")
    failed = names.code(_FAILED_IN_C if in_c else _FAILED, begin)
    handler = ast.ExceptHandler(ast.Name("BaseException", ast.Load()), _LOCALS["_error"], failed)
    # what comes as the call begins ends it, too: else it would be under way for ever
    before, inside = (enter, []) if in_c else (names.code(_NO_PLACE, begin), enter)
    guarded = placed(ast.Try([*inside, *watched], [handler], [], []), begin)
    definition.body = [*head, *passed_over, *before, guarded]


def set_stored(definition: ast.FunctionDef, target: Target) -> None:
    """Have a function store a row as it begins.

    Args:
        definition: of the function, with a first parameter; changed in place.
        target: with what is stored.
    """
    stored = target.stored
    assert stored is not None
    first, passed = _parameters(definition, target)
    if stored.native is not None:
        words = f"_native[_first] = {stored.item}" if stored.item else "_native[_first]"
    else:
        words = _STORES.format(passed=passed, **{name: getattr(stored, name) for name in _STORED})
    head, rest, begin = _body(definition)
    definition.body = [*head, *_Names(first, {**stored.values, "_native": None}).code(words, begin), *rest]


def _parameters(definition: ast.FunctionDef, target: Target) -> tuple[str, str]:
    """The first, and those that a probe gets after it, as further arguments of a call."""
    parameters = [a.arg for a in (*definition.args.posonlyargs, *definition.args.args, *definition.args.kwonlyargs)]
    return parameters[0], "".join(f", {a}" for a in target.parameters if a in parameters)


def _body(definition: ast.FunctionDef) -> tuple[list[ast.stmt], list[ast.stmt], ast.AST]:
    """The docstring, what follows, and where that begins."""
    has_docstring = ast.get_docstring(definition, clean=False) is not None
    head, rest = definition.body[:has_docstring], definition.body[has_docstring:]
    return head, rest, rest[0] if rest else definition


class _Names(ast.NodeTransformer):
    """Puts into code what its names mean."""

    def __init__(self, first: str, values: Mapping[str, object]) -> None:
        self._first = first
        self._values = values

    def code(self, words: str, where: ast.AST) -> list[ast.stmt]:
        """Statements, as if they stood where another node does."""
        made = self.visit(ast.parse(words))
        for node in ast.walk(made):  # these are lines and columns of the words
            for attribute in ("lineno", "col_offset", "end_lineno", "end_col_offset"):
                node.__dict__.pop(attribute, None)
        return [placed(statement, where) for statement in made.body]

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id == FIRST:
            return ast.Name(self._first, ast.Load())
        if node.id in _LOCALS:
            return ast.Name(_LOCALS[node.id], node.ctx)
        if node.id in _PROBES:
            return ast.Constant(_PROBES[node.id])
        return ast.Constant(placeholder(node.id)) if node.id in self._values else node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.ExceptHandler:
        self.generic_visit(node)
        node.name = _LOCALS.get(node.name or "", node.name)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.func, ast.Constant):
            node.func = callable_constant(node.func)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.value, ast.Constant):
            node.value = callable_constant(node.value)
        return node


class _Returns(OwnStatements):
    """``return X`` becomes one that stores when it happens."""

    def __init__(self, names: _Names, measure: str | None, in_c: bool) -> None:
        self._names = names
        self._measure = measure
        self._in_c = in_c

    def end(self, where: ast.AST, result: str, measure: str | None) -> list[ast.stmt]:
        """What is done before a function returns."""
        if self._in_c:
            return self._names.code(_RETURNS_IN_C, where)
        if self._measure is None:
            return self._names.code(_TOLD.format(result=result), where)
        # 0 stands there already: the status of most commands, the length of most error output
        stores = f"if {result}: _chunk.sizes[_place] = {measure}" if measure else "pass"
        return self._names.code(_END.format(measure=stores, result=result), where)

    def visit_Return(self, node: ast.Return) -> list[ast.stmt]:
        kept = _LOCALS["_result"]
        value = node.value or ast.copy_location(ast.Constant(None), node)
        if self._in_c:
            returns: Any = self._names.code(_RETURNS_IN_C, node)
            returns[0].value.slice = value
            return returns  # type: ignore[no-any-return]
        keep, leave = ast.Assign([ast.Name(kept, ast.Store())], value), ast.Return(ast.Name(kept, ast.Load()))
        return [
            placed(keep, node),
            *self.end(node, "_result", self._measure),
            placed(ast.copy_location(leave, node), node),
        ]
