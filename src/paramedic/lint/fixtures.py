"""pytest's fixtures: what a test's parameters are, and what runs around the test."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from paramedic.lint import calls, definitions, protocols
from paramedic.lint.values import Function, Value, alternatives

if TYPE_CHECKING:
    from paramedic.lint.modules import ModuleIndex
    from paramedic.lint.walker import Walker


def is_test_file(path: Path) -> bool:
    """Whether pytest collects the file, or takes fixtures from it.

    Threads: pure.
    """
    return path.name == "conftest.py" or path.stem.startswith("test_") or path.stem.endswith("_test")


def fixture_name(fn: Function) -> str:
    """The name under which tests ask for what a function gives; "" where it is no fixture.

    Threads: pure.
    """
    if isinstance(fn.node, ast.Lambda):
        return ""
    for decorator in fn.node.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else None
        last = ast.unparse(call.func if call is not None else decorator).rsplit(".", 1)[-1]
        if last in {"fixture", "yield_fixture"}:
            given = next((k.value for k in call.keywords if k.arg == "name"), None) if call is not None else None
            return given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else fn.name
    return ""


def call_with_fixtures(w: Walker, fn: Function) -> Value | None:
    """Reads a test, or a fixture, inside the fixtures that its parameters name; None where it has none.

    Threads: the reader's own; does not block.
    """
    if isinstance(fn.node, ast.Lambda) or not (fn.name.startswith("test") or fixture_name(fn)):
        return None
    if not (is_test_file(fn.module.source.path) or "pytest" in fn.module.source.text):
        return None
    results: list[Value] = []
    made: dict[str, Value] = {}

    def then(values: dict[str, Value]) -> None:
        results.append(calls.call_function(w, fn, [], values, fn.node))

    if not _wanted(w, fn):
        return None
    _provide_all(w, fn, made, then)
    return results[0] if results else None


def _wanted(w: Walker, fn: Function) -> list[tuple[str, Function]]:
    plain = [*fn.node.args.posonlyargs, *fn.node.args.args, *fn.node.args.kwonlyargs]
    names = [a.arg for a in (plain[1:] if fn.bound is not None else plain)]
    found = [(name, _fixture(w, fn, name)) for name in names if name not in fn.defaults]
    return [(name, fixture) for name, fixture in found if fixture is not None]


def _provide_all(
    w: Walker, fn: Function, made: dict[str, Value], then: Callable[[dict[str, Value]], None], depth: int = 0
) -> None:
    """Makes what a function's parameters ask for, one inside the other, and goes on in the innermost."""
    wanted = _wanted(w, fn) if depth < 8 else []

    def provide(position: int) -> None:
        if position == len(wanted):
            then({name: made[name] for name, _ in wanted if name in made})
            return
        name, fixture = wanted[position]
        if name in made:
            provide(position + 1)
            return

        def keep(value: Value) -> None:
            made[name] = value
            provide(position + 1)

        def run(values: dict[str, Value]) -> None:
            if fixture.kind == "context":
                protocols.through_generator(w, fixture, [], values, fixture.node, keep)
            else:
                keep(calls.call_function(w, fixture, [], values, fixture.node))

        _provide_all(w, fixture, made, run, depth + 1)

    provide(0)


def _fixture(w: Walker, fn: Function, name: str) -> Function | None:
    """The fixture of that name that is nearest to a test: of its class, its module, a conftest.py above it."""
    if fn.owner is not None:
        member = fn.owner.find(name)
        if isinstance(member, Function) and fixture_name(member) and member.node is not fn.node:
            return member.bind(fn.bound) if fn.bound is not None else member
    for scope in _scopes(w, fn):
        found = scope.get(name)
        candidates = [*(alternatives(found) if found is not None else ()), *scope.values()]
        for one in candidates:
            if isinstance(one, Function) and one.node is not fn.node and fixture_name(one) == name:
                return one
    return None


def _scopes(w: Walker, fn: Function) -> Iterator[dict[str, Value]]:
    yield fn.module.scope.names
    index: ModuleIndex = w.world.index
    for path in index.conftests_above(fn.module.source.path):
        module = w.world.module_at(path) if path in w.world.relevant else None
        if module is not None and module is not fn.module:
            definitions.run_module(w, module)
            yield module.scope.names
