"""Reading one program: its module's body, then every function that nobody called, then the threads that they start."""

from __future__ import annotations

from pathlib import Path

from paramedic.lint import calls
from paramedic.lint.definitions import run_module
from paramedic.lint.facts import SourceFacts
from paramedic.lint.modules import ModuleIndex
from paramedic.lint.walker import Walker
from paramedic.lint.world import OutOfSteps, World

LONGEST_THREADS = 6
"""How many generations of threads that start threads are read."""


def read_program(index: ModuleIndex, relevant: frozenset[Path], root: Path) -> SourceFacts | None:
    """What a program does with Paramiko and threads, read from one module on.

    Args:
        index: the modules that may be imported.
        relevant: the files that may matter; imports of all others are not followed.
        root: the module to start at.

    Returns:
        The facts; None where the file cannot be read as Python.

    Threads: any, one reading at a time per index; reads files.
    """
    world = World(index, relevant, root)
    module = world.module_at(root)
    if module is None:
        return None
    walker = Walker(world, module, world.main)
    try:
        run_module(walker, module)
        _drain(world, walker)
        _read_rest(world, walker)
    except OutOfSteps:
        pass
    except RecursionError:
        world.exhausted = True
    return SourceFacts(world, module)


def _read_rest(world: World, walker: Walker) -> None:
    """Reads the functions of the root module that nothing called yet, as its users may call them."""
    position = 0
    while position < len(world.functions):
        fn = world.functions[position]
        position += 1
        if fn.module.source.path != world.root or id(fn.node) in world.entered:
            continue
        world.episode += 1
        world.episode_name = fn.name
        walker.loops, walker.locks, walker.path, walker.guards = (), [], [], 0
        walker.at_import = walker.in_finally = walker.in_handler = walker.on_loop = False
        walker.awaited = fn.node
        function = fn
        if fn.owner is not None and fn.kind != "static":
            receiver = fn.owner if fn.kind == "class" else calls.stand_in(walker, fn.owner, fn.node)
            if id(fn.node) in world.entered:
                _drain(world, walker)
                continue
            function = fn.bind(receiver)
        if fn.kind == "context":
            walker.on_yield = lambda value: None
        result = calls.call_function(walker, function, [], {}, fn.node)
        walker.on_yield = None
        world.escape(result)
        _drain(world, walker)


def _drain(world: World, walker: Walker) -> None:
    from paramedic.lint.concurrency import run_now

    for _ in range(LONGEST_THREADS):
        waiting = [p for p in world.pending if not p.started]
        if not waiting:
            return
        for pending in waiting:
            run_now(walker, pending)
