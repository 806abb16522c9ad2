"""Reading programs: their modules' bodies, then every function that nobody called, then the threads that they start."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from paramedic.lint import blocks, calls, fixtures
from paramedic.lint.definitions import run_module
from paramedic.lint.facts import SourceFacts
from paramedic.lint.modules import Module, ModuleIndex
from paramedic.lint.values import Function
from paramedic.lint.walker import Walker
from paramedic.lint.world import OutOfSteps, World

LONGEST_THREADS = 6
"""How many generations of threads that start threads are read."""


def read_program(index: ModuleIndex, relevant: frozenset[Path], roots: Sequence[Path]) -> SourceFacts | None:
    """What modules that import one another do with Paramiko and threads.

    Args:
        index: the modules that may be imported.
        relevant: the files that may matter; imports of most others are not followed.
        roots: the modules whose bodies, main guards and functions are read.

    Returns:
        The facts; None where no root can be read as Python.

    Threads: any, one reading at a time per index; reads files.
    """
    world = World(index, relevant, frozenset(roots))
    modules = [m for m in map(world.module_at, roots) if m is not None]
    if not modules:
        return None
    # Scripts first: what they call is read with what they pass, not with unknown arguments.
    modules.sort(key=lambda m: m.source.path in index.imported)
    for module in modules:
        _phase(world, module, "the module", lambda w, m=module: run_module(w, m))  # type: ignore[misc]
        world.bodies.add(world.episode)
        _phase(world, module, "the module", lambda w, m=module: _main_guard(w, m))  # type: ignore[misc]
    for module in modules:
        _phase(world, module, "", lambda w, m=module: _read_rest(w, m))  # type: ignore[misc]
    _read_again(world, modules[0])
    return SourceFacts(world, modules)


def _read_again(world: World, module: Module) -> None:
    """Reads threads once more that looked into a queue, a cache or an attribute which is only filled elsewhere."""
    hungry = {one for one, (_, looked) in world.in_vain.items() if any(held() for held in looked)}
    world.in_vain = {}
    for pending in [p for p in world.pending if id(p.context) in hungry]:
        old = pending.context
        if world.steps_left < 0:
            world.exhausted.add(module.source.path)
            return
        if not any(pending is p for p in world.pending):
            continue  # its parent is read again, and starts it anew
        world.forget(old)
        pending.context = replace(old, joins=list(old.joins))
        pending.started = False
        world.contexts.append(pending.context)
        world.submissions[:] = [(f, pending.context if c is old else c) for f, c in world.submissions]
        world.episode = old.episode
        world.grant_steps()
        world.episode_name = world.episode_names.get(old.episode, "")
        walker = Walker(world, module, world.main)
        try:
            _drain(world, walker)
        except (OutOfSteps, RecursionError):
            world.exhausted.add(module.source.path)


def _phase(world: World, module: Module, name: str, work: Callable[[Walker], None]) -> None:
    """One piece of reading, with steps of its own: what one module takes, the others do not lack."""
    world.episode += 1
    world.episode_name = world.episode_names[world.episode] = name
    world.episode_root[world.episode] = module.source.path
    world.grant_steps()
    walker = Walker(world, module, world.main)
    try:
        work(walker)
        _drain(world, walker)
    except OutOfSteps:
        world.exhausted.add(module.source.path)
    except RecursionError:
        world.exhausted.add(module.source.path)


def _main_guard(walker: Walker, module: Module) -> None:
    """The body of ``if __name__ == "__main__":``."""
    walker.function = "<module>"
    for statement in module.tree.body:
        if isinstance(statement, ast.If) and blocks.is_main_guard(statement.test):
            walker.block(statement.body)


def _read_rest(walker: Walker, module: Module) -> None:
    """Reads the functions of a module that nothing called yet, as its users may call them."""
    world = walker.world
    for fn in _in_reading_order(world, module):
        known = id(fn.node) in world.entered
        if known and not _is_offered(world, fn):
            continue
        world.episode += 1
        world.episode_name = world.episode_names[world.episode] = fn.name
        world.episode_root[world.episode] = module.source.path
        walker.loops, walker.locks, walker.path, walker.guards = (), [], [], 0
        walker.context = world.main
        walker.in_finally = walker.in_handler = walker.on_loop = False
        walker.at_import = ""
        walker.awaited = fn.node
        # Whoever calls it calls what its decorators have made of it.
        function = world.wrapped.get(id(fn.node), fn)
        owner = function.owner
        if owner is not None and function.kind != "static":
            receiver = owner if function.kind == "class" else calls.stand_in(walker, owner, fn.node)
            if not known and id(fn.node) in world.entered:
                _drain(world, walker)
                continue
            function = function.bind(receiver)
        if function.kind == "context":
            walker.on_yield = lambda value: None
        result = fixtures.call_with_fixtures(walker, function)
        if result is None:
            result = calls.call_function(walker, function, [], {}, fn.node)
        walker.on_yield = None
        world.escape(result)
        _drain(world, walker)


def _in_reading_order(world: World, module: Module) -> Iterator[Function]:
    """The functions of a module, those first whose names nothing else speaks: they call the others with real values."""
    found = world.functions.get(id(module), [])
    first = list(found)
    words = Counter(module.source.text.encode("utf-8", "replace").translate(_WORDS).split())
    mentioned = [f for f in first if words[f.name.encode()] > 1 and not f.name.startswith("__")]
    later = {id(f) for f in mentioned}
    yield from (f for f in first if id(f) not in later)
    yield from reversed(mentioned)
    yield from islice(found, len(first), None)  # which grows while it is read


_WORDS = bytes(c if chr(c).isalnum() or c == 0x5F or c > 127 else 0x20 for c in range(256))
"""For bytes.translate(): everything but what names are made of becomes a blank."""


def _is_offered(world: World, fn: Function) -> bool:
    """Whether a function runs whatever command others give it, though its own tree only gives it a few."""
    if isinstance(fn.node, ast.Lambda) or fn.name.startswith("_") or id(fn.node) in world.called_by_module:
        return False
    arguments = fn.node.args
    if len([*arguments.posonlyargs, *arguments.args]) < (2 if fn.owner is not None else 1):
        return False
    lines = fn.module.lines[fn.node.lineno - 1 : fn.node.end_lineno]
    if not any("exec_command" in line for line in lines):
        return False
    runs = {n.attr for n in ast.walk(fn.node) if isinstance(n, ast.Attribute)}
    return "exec_command" in runs and not runs.isdisjoint({"read", "readlines", "recv_exit_status", "makefile"})


def _drain(world: World, walker: Walker) -> None:
    from paramedic.lint.concurrency import run_now

    if world.before_all:  # what a framework runs once, before any request or task
        while world.before_all:
            world.before_all.pop(0)(walker)
        for pending in world.pending:
            if not pending.started and pending.context.kind in {"server", "process"}:
                pending.context.start = world.next_moment()
    for _ in range(LONGEST_THREADS):
        waiting = [p for p in world.pending if not p.started]
        if not waiting:
            return
        for pending in waiting:
            run_now(walker, pending)
