"""Reading on where a function was read before: what is made anew is bounded, and is work."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import cast

from paramedic.lint.modules import Module, ModuleIndex
from paramedic.lint.repetition import MOST_RENEWED, Reading, once_more
from paramedic.lint.source import SourceFile
from paramedic.lint.values import ClassValue, Collection, Instance, Value
from paramedic.lint.walker import Walker
from paramedic.lint.world import STEPS, STEPS_TOGETHER, World


def _walker() -> Walker:
    path = Path("program.py")
    module = Module(name="program", source=SourceFile(path=path, text="", tree=ast.parse("")), is_package=False)
    world = World(ModuleIndex([path]), frozenset([path]), frozenset([path]))
    return Walker(world, module, world.main)


def test_a_call_makes_no_more_than_so_much_anew_and_pays_for_it() -> None:
    w = _walker()
    cls = ClassValue("Node", cast("ast.ClassDef", ast.parse("class Node: pass").body[0]), w.module)
    nodes: list[Value] = [Instance(cls, (), born=5) for _ in range(3 * MOST_RENEWED)]
    again = once_more(w, Reading(result=Collection(nodes), since=1, cost=200, idle=False, bound=None), None)
    assert isinstance(again, Collection)
    fresh = [new for new, old in zip(again.items, nodes, strict=True) if new is not old]
    assert 0 < len(fresh) <= MOST_RENEWED
    assert w.world.steps <= STEPS - len(fresh)


def test_pieces_that_are_read_together_share_a_limit() -> None:
    world = _walker().world
    granted = 0
    for _ in range(40):
        world.grant_steps()
        granted += world.steps
        world.steps = -1  # each takes all that it gets
    assert world.steps_left < 0
    assert granted < STEPS_TOGETHER + 40 * STEPS // 10 + STEPS
