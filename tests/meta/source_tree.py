"""The product's own source as the meta tests see it: read, never imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "paramedic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Callable_:
    """A public function or method."""

    module: str
    qualname: str
    node: ast.FunctionDef | ast.AsyncFunctionDef
    kind: str  # "function", "method", "property"
    class_docstring: str

    def __str__(self) -> str:
        return f"{self.module}:{self.node.lineno} {self.qualname}"


@cache
def modules() -> dict[str, ast.Module]:
    """Dotted name -> syntax tree, for every module of the product."""
    return {dotted(path): ast.parse(path.read_bytes(), str(path)) for path in paths()}


def paths() -> list[Path]:
    """Every module's file, in order."""
    return sorted(SRC.rglob("*.py"))


def dotted(path: Path) -> str:
    """`paramedic.cli.main` for src/paramedic/cli/main.py."""
    parts = path.relative_to(SRC.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def public_callables(name: str, tree: ast.Module) -> Iterator[Callable_]:
    """Functions and methods whose every enclosing name is public; not those inside functions, not overloads."""
    yield from _walk(name, tree.body, "", "")


def _walk(module: str, body: list[ast.stmt], prefix: str, above: str) -> Iterator[Callable_]:
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _walk(module, node.body, f"{prefix}{node.name}.", ast.get_docstring(node) or "")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            decorators = {ast.unparse(d) for d in node.decorator_list}
            if node.name.startswith("_") or any(d.endswith("overload") for d in decorators):
                continue
            setter = any(d.endswith((".setter", ".deleter")) for d in decorators)
            is_property = any(d.split(".")[-1] in ("property", "cached_property") for d in decorators)
            kind = "property" if is_property or setter else "method" if prefix else "function"
            yield Callable_(module=module, qualname=prefix + node.name, node=node, kind=kind, class_docstring=above)
        elif isinstance(node, ast.If | ast.Try):
            yield from _walk(module, node.body, prefix, above)
