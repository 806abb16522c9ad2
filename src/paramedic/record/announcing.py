"""Have rewritten code say that it calls another watched function next: see `paramedic.record.patches.Notice`.

Threads: pure; the thread that starts a recording.
"""

from __future__ import annotations

import ast
from collections.abc import Container, Iterable
from typing import Any, NamedTuple

from paramedic.record.patches import NOTICE, TAKES_BACK, announces
from paramedic.record.syntax import callable_constant, placed

_WHO = "__paramedic_who"
_OTHER_CODE = (
    *(ast.Call, ast.Await, ast.Yield, ast.YieldFrom, ast.Lambda),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)


def announce(definition: ast.FunctionDef, names: Container[str]) -> None:
    """Put notices before the calls of methods that are called so, where it can be said of which object they are.

    A statement qualifies if nothing else is called before such a call, and if the object comes from a variable or an
    attribute. The statement then is the same, but that an attribute is looked up one step earlier.

    Args:
        definition: changed in place.
        names: of methods.

    Threads: pure.
    """
    parameters = [a.arg for a in (*definition.args.posonlyargs, *definition.args.args)]
    local = {n.id for n in ast.walk(definition) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    definition.body = _Statements(names, parameters[0] if parameters else "", {*parameters, *local}).all(
        definition.body
    )


class _Said(NamedTuple):
    """The object of a call, and the statement that announces it."""

    call: ast.Call
    who: ast.expr
    held: bool
    """Whether the object is to be kept in a variable, and called by it."""


class _Statements(ast.NodeTransformer):
    def __init__(self, names: Container[str], first: str, local: Container[str]) -> None:
        self._names, self._first, self._local = names, first, local

    def all(self, body: Iterable[ast.stmt]) -> list[ast.stmt]:
        out: list[ast.stmt] = []
        for statement in body:
            made = self.visit(statement)
            out += made if isinstance(made, list) else [made]
        return out

    def visit_Expr(self, node: ast.Expr) -> Any:
        return self._simple(node)

    def visit_Assign(self, node: ast.Assign) -> Any:
        return self._simple(node)

    def visit_Return(self, node: ast.Return) -> Any:
        return self._simple(node)

    def visit_With(self, node: ast.With) -> Any:
        """Paramiko's context managers close at their end: what is about to end is announced for that."""
        self.generic_visit(node)
        if len(node.items) != 1:
            return node
        said = self._found(node.items[0].context_expr)
        ends: Any = self._ends(node)
        return ends if said is None else self._said(said, ends)

    def _ends(self, node: ast.With) -> ast.stmt:
        entered = node.items[0].optional_vars
        if "close" not in self._names or not isinstance(entered, ast.Name):
            return node
        end = node.body[-1]
        said = placed(_say("close", [_read(entered.id)]), end)
        # what is returned there is worked out before the end: in a variable, so that it is before the notice, too
        if isinstance(end, ast.Return) and end.value is not None:
            result = placed(ast.Assign([ast.Name(_WHO, ast.Store())], end.value), end)
            last = placed(ast.Return(_read(_WHO)), end)
            node.body = [*node.body[:-1], result, said, last]
        elif not isinstance(end, (ast.Return, ast.Raise)):
            node.body = [*node.body, said]
        else:
            return node
        return placed(_taken_back("close", [node]), node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        return node

    visit_AsyncFunctionDef = visit_ClassDef = visit_Lambda = visit_FunctionDef  # type: ignore[assignment]

    def _simple(self, node: ast.stmt) -> Any:
        said = self._found(node)
        return node if said is None else self._said(said, node)

    def _said(self, said: _Said, node: ast.stmt) -> list[ast.stmt]:
        function: Any = said.call.func
        name = function.attr
        if TAKES_BACK and said.who is function.value:  # as few of the interpreter's steps as can be
            saying = ast.BinOp(ast.Constant(announces(name)), ast.MatMult(), said.who)
            function.value = placed(saying, said.who)
            return [placed(_taken_back(name, [node]), node)]
        if said.held:
            function.value = ast.copy_location(_read(_WHO), function.value)
            before = _say(name, [said.who], ast.Name(_WHO, ast.Store()))
        else:
            before = _say(name, [said.who])
        return [placed(before, node), placed(_taken_back(name, [node]), node)]

    def _found(self, node: ast.AST) -> _Said | None:
        others = [n for n in ast.walk(node) if isinstance(n, _OTHER_CODE)]
        for call in others:
            function = call.func if isinstance(call, ast.Call) else None
            if isinstance(call, ast.Call) and isinstance(function, ast.Attribute) and function.attr in self._names:
                before = [o for o in others if o is not call and o is not function.value and not _is_in(call, o)]
                return None if before else self._object(call, function)
        return None

    def _object(self, call: ast.Call, function: ast.Attribute) -> _Said | None:
        value = function.value
        if isinstance(value, ast.Call):
            by_super = isinstance(value.func, ast.Name) and value.func.id == "super" and not value.args
            return _Said(call, _read(self._first), False) if by_super and self._first else None
        root = value
        while isinstance(root, ast.Attribute):
            root = root.value
        if not isinstance(root, ast.Name):
            return None
        if root.id in self._local:
            return _Said(call, value, value is not root)
        first = call.args[0] if call.args else None
        # Class.method(self)
        by_class = isinstance(first, ast.Name) and first.id == self._first and self._first
        return _Said(call, _read(self._first), False) if by_class else None


def is_announced(first: str) -> tuple[ast.expr, list[ast.stmt]]:
    """Whether a call with this first argument is announced, and what then takes that back.

    Threads: pure.
    """
    notice, it = ast.Constant(NOTICE), ast.Name(first, ast.Load())
    if TAKES_BACK:
        return ast.Subscript(callable_constant(notice), it, ast.Load()), []
    who = ast.Attribute(notice, "who", ast.Load())
    taken_back: ast.stmt = ast.Assign([ast.Attribute(notice, "who", ast.Store())], ast.Constant(None))
    return ast.Compare(who, [ast.Is()], [it]), [taken_back]


def _is_in(inner: ast.AST, outer: ast.AST) -> bool:
    return any(node is inner for node in ast.walk(outer))


def _read(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _notice(name: str) -> ast.Attribute:
    return ast.Attribute(ast.Constant(announces(name)), "who", ast.Store())


def _say(name: str, value: list[ast.expr], *held: ast.expr) -> ast.stmt:
    return ast.Assign([*held, _notice(name)], value[0])


def _taken_back(name: str, body: list[ast.stmt]) -> ast.Try:
    """The body, after which nothing is announced any more: another function may have been called by that name."""
    return ast.Try(body, [], [], [ast.Assign([_notice(name)], ast.Constant(None))])
