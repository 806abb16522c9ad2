"""Locks of the program's: stand-ins for the two lock types that are written in C.

Only locks that the program itself makes are stood in for. Those of the standard library's and Paramiko's inner workings
stay what they are: their owners are modelled at the level of their API. The stand-ins pass CPython's own lock tests.
"""

from __future__ import annotations

import copyreg
from _functools import partial  # type: ignore[import-not-found]
from collections.abc import Callable
from sys import _getframe
from types import FrameType, FunctionType
from typing import Any

from paramedic.model.event import Kind, State
from paramedic.model.named_tuple import NamedTuple
from paramedic.record.frames import OURS, owner_of
from paramedic.record.interrupts import reaches_program, without_us
from paramedic.record.patches import Target
from paramedic.record.probe import Probes
from paramedic.record.watched_lock import watched_lock
from paramedic.record.watched_rlock import watched_rlock

_STATE, _BEFORE = int(Kind.STATE), int(State.BEFORE)


class StandIns(NamedTuple):
    """What makes the program's locks watched ones.

    Attributes:
        replaced: by name, what takes the place of an attribute of `threading`.
        targets: functions of `threading` that get probes.
        watched_rlock: makes an RLock that is watched.
        around: makes a stand-in around a lock that was there before the recording.
        kinds: the classes of the stand-ins; ``_real`` of one is what it stands for, ``_id`` its id.
    """

    replaced: dict[str, Any]
    targets: list[Target]
    watched_rlock: Callable[[], Any]
    around: Callable[[Any], Any]
    kinds: tuple[type[Any], type[Any]]

    def is_one(self, thing: object) -> bool:
        """Whether it is a stand-in; their classes are equal to those that they stand for, so ``in`` would not do.

        Threads: any.
        """
        return type(thing) is self.kinds[0] or type(thing) is self.kinds[1]


def stand_ins(probes: Probes, threading: Any) -> StandIns:
    """Have ``Lock`` and ``RLock`` of `threading` give locks that record what the program does with them.

    Args:
        probes: where to record.
        threading: the module as it is without us.

    Threads: the results behave like the originals; recording never blocks.
    """
    real_lock, real_rlock = threading.Lock, threading.RLock
    lock_type, rlock_type = type(real_lock()), type(real_rlock())
    kinds = (
        watched_lock(probes, lock_type, _kind_of(lock_type)),
        watched_rlock(probes, rlock_type, _kind_of(rlock_type)),
    )
    if probes.hold_back is not None:
        from paramedic.record.traps import FREED

        for kind in kinds:
            for name in {"release", "__exit__"} & vars(kind).keys():
                setattr(kind, name, _and_then(vars(kind)[name], partial(probes.hold_back, FREED)))
    lock, rlock = _Watched(kinds[0], lock_type, probes), _Watched(kinds[1], rlock_type, probes)
    replaced = {"Lock": _maker("Lock", lock, real_lock)}
    targets: list[Target] = []
    if isinstance(real_rlock, FunctionType):
        targets.append(Target(threading, "RLock", lambda: 0, rlock.in_place_of))
    else:
        replaced["RLock"] = _maker("RLock", rlock, real_rlock)
    make_rlock = getattr(threading, "_CRLock", None) or real_rlock

    def around(real: Any) -> Any:
        made = type.__call__(kinds[type(real) is not lock_type], None, real)
        # who holds it now is not known
        probes.row(_STATE, _BEFORE, made._id, 0, int(repr(real).startswith("<locked")), 0)
        return made

    return StandIns(replaced, targets, lambda: type.__call__(kinds[1], _getframe(1), make_rlock()), around, kinds)


def _and_then(method: Callable[..., Any], then: Callable[[], None]) -> Callable[..., Any]:
    """A method with something after it, in a run with traps."""

    def both(*arguments: Any) -> Any:
        result = method(*arguments)
        then()
        return result

    return both


class _Watched:
    """Puts a stand-in around a lock that has just been made, where it is the program's."""

    def __init__(self, stand_in: type, real_type: type, probes: Probes) -> None:
        self.real_type = real_type
        self._stand_in, self._probes = stand_in, probes

    def around(self, real: Any, frame: FrameType) -> Any:
        """The lock to give to the caller, whose frame it is."""
        try:
            # the real type is another where somebody (gevent) has changed what `threading` makes
            if owner_of(frame.f_code) < OURS and type(real) is self.real_type:
                return type.__call__(self._stand_in, frame, real)
        except BaseException as e:
            if reaches_program(e):
                raise
            self._probes.trouble("lock", e)
        return real

    def in_place_of(self, _: Any, real: Any) -> Any:
        """The same as a probe for the end of the function that makes locks."""
        return self.around(real, _getframe(2))


def _kind_of(real_type: type) -> type[type]:
    """The metaclass of a stand-in: what the program asks of ``type(lock)`` is answered as the real type would."""

    class Kind(type):
        def __new__(cls, name: str, bases: tuple[type, ...], members: dict[str, Any]) -> Any:
            if not bases:
                return super().__new__(cls, name, bases, members)
            # a class of the program's that inherits from `type(lock)`: of the real one, if that may be inherited from
            theirs = tuple(real_type if type(base) is cls else base for base in bases)
            try:
                return type(name, theirs, members)
            except TypeError as e:
                raise TypeError(str(e)) from None

        def __call__(cls, *arguments: Any, **keywords: Any) -> Any:
            try:
                return real_type(*arguments, **keywords)  # type(lock)(): an error, or an unwatched lock
            except BaseException as e:
                without_us(e)
                raise

        @property
        def __name__(cls) -> str:  # type: ignore[override]
            return real_type.__name__

        def __eq__(cls, other: object) -> bool:  # dill and others look types of locks up in dictionaries
            return other is cls or getattr(other, "_paramedic_stands_for_", other) is real_type

        def __hash__(cls) -> int:
            return hash(real_type)

        @property
        def _paramedic_stands_for_(cls) -> type:
            return real_type

        def __instancecheck__(cls, thing: object) -> bool:
            return super().__instancecheck__(thing) or isinstance(thing, real_type)

        def __subclasscheck__(cls, kind: type) -> bool:
            return super().__subclasscheck__(kind) or issubclass(kind, real_type)

    return Kind


def _maker(name: str, watched: _Watched, real: Callable[..., Any]) -> Any:
    """What stands for ``threading.Lock``: the program's own callers get a watched lock, others a real one.

    It is of the sort that the original is: a built-in function, which does not become a method in a class, or, since
    Python 3.13, a class.
    """

    if isinstance(real, type):
        return _standing_class(real, watched)
    ours: Any = _BuiltIn(name, watched, real)
    for attribute in ("__name__", "__qualname__", "__module__", "__doc__"):
        setattr(ours, attribute, getattr(real, attribute, None))
    return ours


class _BuiltIn:
    """Stands for a built-in function: not a function, because in a class it must not become a method."""

    def __init__(self, name: str, watched: _Watched, real: Callable[..., Any]) -> None:
        self._name, self._watched = name, watched
        self.__wrapped__ = real  # inspect.signature then says what it said

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        try:
            return self._watched.around(self.__wrapped__(*arguments, **keywords), _getframe(1))
        except BaseException as e:
            without_us(e)
            raise

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __eq__(self, other: object) -> bool:
        return other is self or other == self.__wrapped__

    def __hash__(self) -> int:
        return hash(self.__wrapped__)

    def __getattr__(self, name: str) -> Any:
        if name == "__wrapped__":  # not set yet: somebody copies it
            raise AttributeError(name)
        return getattr(self.__wrapped__, name)

    @property  # type: ignore[misc]  # so inspect says what it said
    def __class__(self) -> type:
        return type(self.__wrapped__)

    def __reduce__(self) -> Any:
        return _lock_maker, (self._name,)


def _lock_maker(name: str) -> Any:
    """What a pickled ``threading.Lock`` is in the process that loads it."""
    import threading

    return getattr(threading, name)


def _standing_class(real: type, watched: _Watched) -> Any:
    class Meta(type):
        def __new__(cls, kind: str, bases: tuple[type, ...], members: dict[str, Any]) -> Any:
            if bases:
                raise TypeError(f"type '{real.__module__}.{real.__qualname__}' is not an acceptable base type")
            return super().__new__(cls, kind, bases, members)

        def __call__(cls, *arguments: Any, **keywords: Any) -> Any:
            try:
                return watched.around(real(*arguments, **keywords), _getframe(1))
            except BaseException as e:
                without_us(e)
                raise

        def __instancecheck__(cls, thing: object) -> bool:
            return isinstance(thing, real)

        def __subclasscheck__(cls, kind: type) -> bool:
            return kind is cls or issubclass(kind, real)

        def __eq__(cls, other: object) -> bool:
            return other is cls or getattr(other, "_paramedic_stands_for_", other) is real

        def __hash__(cls) -> int:
            return hash(real)

        @property
        def _paramedic_stands_for_(cls) -> type:
            return real

        def __repr__(cls) -> str:
            return repr(real)

        @property
        def __signature__(cls) -> Any:
            import inspect

            return inspect.signature(real)

    copyreg.pickle(Meta, lambda _: (_lock_maker, ("Lock",)))
    stand_in = Meta(real.__name__, (), {"__doc__": real.__doc__, "__module__": real.__module__, "__slots__": ()})
    stand_in.__qualname__ = real.__qualname__
    return stand_in
