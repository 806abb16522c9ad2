"""Pieces of syntax trees, which those share who rewrite functions.

Threads: pure.
"""

from __future__ import annotations

import ast
import copy
from typing import TypeVar

_Node = TypeVar("_Node", bound=ast.AST)


def callable_constant(constant: ast.Constant) -> ast.expr:
    """The same constant where it is called, looked into or compared by ``is``: as such it is a SyntaxWarning there.

    Threads: pure.
    """
    return ast.IfExp(ast.Constant(True), constant, ast.Constant(None))  # compiled to the constant alone


def placed(node: _Node, where: ast.AST) -> _Node:
    """The node, with what in it has no place yet put where another node is.

    Threads: pure.
    """
    for child in ast.walk(node):
        if not hasattr(child, "lineno"):
            ast.copy_location(child, where)
    return node


class OwnStatements(ast.NodeTransformer):
    """Passes over what is defined inside: its returns are not the function's.

    Threads: pure.
    """

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """An inner function stays as it is.

        Threads: pure.
        """
        return node

    visit_AsyncFunctionDef = visit_ClassDef = visit_Lambda = visit_FunctionDef  # type: ignore[assignment]


def another(body: list[ast.stmt]) -> list[ast.stmt]:
    """A second copy of a function's statements, to stand in it beside the first.

    Threads: pure.
    """
    return [_NotDeclaredTwice().visit(copy.deepcopy(statement)) for statement in body]


class _NotDeclaredTwice(OwnStatements):
    """What the first copy declares holds for the whole function, and may not be declared after it was used."""

    def visit_Global(self, node: ast.Global | ast.Nonlocal) -> ast.Pass:
        return ast.copy_location(ast.Pass(), node)

    visit_Nonlocal = visit_Global
