"""uvloop's event loops, which are written in C: no code of theirs can be rewritten.

``uvloop.Loop`` is a Python class that inherits all of it (uvloop/__init__.py, 0.23), so what asyncio's own loops are
watched by stands there in a method that calls the inherited one. Without that whoever hands something to the loop by
``call_soon_threadsafe`` would be in no order with what the loop does then: a false alarm.

Threads: the methods run in whichever thread calls them, and block as the inherited ones do; the rest is the recorder's
start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from paramedic.model.event import Kind
from paramedic.model.operations import NUMBER
from paramedic.record.asyncio_tasks import task_births
from paramedic.record.attributes import Attribute
from paramedic.record.frames import PARAMIKO
from paramedic.record.interrupts import reaches_program, without_us
from paramedic.record.patches import Target
from paramedic.record.probe import MARK, Probes

_NAMES = ("call_soon_threadsafe", "run_forever", "create_task")
_POST, _TAKE = int(Kind.POST), int(Kind.TAKE)


def uvloop_loops(probes: Probes, uvloop: Any) -> Iterator[Attribute]:
    """What is put into ``uvloop.Loop``; nothing where that is no class which inherits what it does.

    Threads: the thread that starts a recording, or that imports uvloop.
    """
    loop = uvloop.Loop
    if not isinstance(loop, type) or any(name in vars(loop) or not hasattr(loop, name) for name in _NAMES):
        probes.gap("patch-failed", "uvloop.Loop is not as it was; what it does is not watched")
        return
    probes.classes[loop] = NUMBER["Loop.__init__"]
    runs = probes.call(NUMBER["Loop.run_forever"], None, None, PARAMIKO + 1)
    yield Attribute(loop, MARK, 0)
    yield Attribute(loop, _NAMES[0], _handing_over(probes, getattr(loop, _NAMES[0])))
    for target in (Target(loop, _NAMES[1], *runs), *task_births(probes, loop)):
        yield Attribute(loop, target.name, _around(getattr(loop, target.name), target))


def _handing_over(probes: Probes, real: Any) -> Callable[..., Any]:
    row, id_of = probes.row, probes.id_of

    def call_soon_threadsafe(self: Any, /, *arguments: Any, **keywords: Any) -> Any:
        try:
            given = id_of(self)
            row(_POST, 0, given, 0, -1, 0)
            # The loop runs what it is given in that order, so this one just before: the program's callback, which the
            # loop names in its messages, stays what it is.
            real(self, took, given)
        except BaseException as e:  # of a loop that is closed the program is told below
            if reaches_program(e):
                raise
        try:
            return real(self, *arguments, **keywords)
        except BaseException as e:
            without_us(e)
            raise

    def took(given: int) -> None:
        try:
            row(_TAKE, 0, given, 0, -1, 0)
        except BaseException as e:
            if reaches_program(e):
                raise

    return _like(real, call_soon_threadsafe)


def _around(real: Any, target: Target) -> Callable[..., Any]:
    enter, leave, fail, asked = target.enter, target.leave, target.fail, len(target.parameters)
    assert enter is not None

    def method(self: Any, /, *arguments: Any, **keywords: Any) -> Any:
        token = None
        try:
            token = enter(self, *arguments[:asked])
        except BaseException as e:  # such as that of an argument that is missing: the program is told below
            if reaches_program(e):
                raise
        try:
            result = real(self, *arguments, **keywords)
        except BaseException as e:
            if token is not None:
                fail(token, e)
            without_us(e)
            raise
        return result if token is None else leave(token, result)

    return _like(real, method)


def _like(real: Any, ours: Any) -> Callable[..., Any]:
    """With the name, the words and the signature of the inherited one."""
    for name in ("__name__", "__qualname__", "__module__", "__doc__"):
        setattr(ours, name, getattr(real, name, None) or getattr(ours, name))
    ours.__wrapped__ = real
    made: Callable[..., Any] = ours
    return made
