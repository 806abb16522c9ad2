"""Put one object in the place of another wherever the program keeps it.

For locks that were made before the recording began: their type is written in C, so a stand-in must take the place of
each. Places are module globals, attributes of classes and instances, closures, lists and dictionaries below these, and
local variables. Only what belongs to the program or an installed package is changed (and to `logging`): the standard
library's and Paramiko's own locks stay.

Threads: one that no other one swaps beside; the program may run. Each change is one store.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable
from types import CellType, FrameType, FunctionType, ModuleType
from typing import Any

from paramedic.record.frames import LIBRARY, OURS, USER, owner_of, owner_of_file

_DEPTH = 4
"""How far from a module, an object, a function or a frame of the program's."""

Replace = Callable[[Any], Any]
"""From a thing to what shall stand in its place; the thing itself if it stays, None if nothing can take its place."""


class Swap:
    """One pass over the program.

    Attributes:
        swapped: how many places were changed.
        left: things that stand in the program where nothing else can be put: tuples, running frames.
    """

    def __init__(self, things: Iterable[Any], replace: Replace) -> None:
        """Look for where these things are kept.

        Args:
            things: what to replace.
            replace: see `Replace`; asked once for each thing that the program itself keeps.
        """
        self.swapped = 0
        self.left: dict[int, Any] = {}
        self._replace = replace
        self._things = {id(thing): thing for thing in things}
        self._made: dict[int, Any] = {}
        self._containers: dict[int, Any] = {}
        self._seen: set[int] = set()
        self._owners: dict[type, int] = {}

    def run(self) -> None:
        """Change all places."""
        if self._things:
            for root in self._roots():
                self._visit(root)
            self._frames()

    def _roots(self) -> list[Any]:
        roots: dict[int, Any] = {}
        frontier = list(self._things.values())
        modules = {id(vars(m)): m for m in list(sys.modules.values()) if isinstance(m, ModuleType)}
        for _ in range(_DEPTH):
            ours = {id(frontier), id(roots), id(modules), id(self._things), id(self._containers)}
            holders: list[Any] = []  # not the last one's list, which would be found
            holders = gc.get_referrers(*frontier) if frontier else holders
            frontier = []
            for holder in holders:
                if id(holder) in ours or id(holder) in self._containers or id(holder) in roots:
                    continue
                kind = type(holder)
                if kind is dict and id(holder) in modules:
                    if self._owner_of_module(modules[id(holder)]) <= LIBRARY:
                        roots[id(holder)] = holder
                elif kind is FunctionType:
                    if owner_of(holder.__code__) <= LIBRARY:
                        roots[id(holder)] = holder
                elif kind in (dict, list, tuple, CellType):
                    self._containers[id(holder)] = holder
                    frontier.append(holder)
                elif kind is not FrameType and self._owner_of_type(holder) <= LIBRARY:
                    roots[id(holder)] = holder
        return list(roots.values())

    def _owner_of_module(self, module: Any) -> int:
        file = getattr(module, "__file__", None)
        if module.__name__.partition(".")[0] == "logging":
            return LIBRARY  # whose locks are the program's in effect: its handlers run under them
        return owner_of_file(file) if isinstance(file, str) else USER if module.__name__ == "__main__" else OURS

    def _owner_of_type(self, holder: Any) -> int:
        kind = holder if isinstance(holder, type) else type(holder)
        known = self._owners.get(kind)
        if known is None:
            module = sys.modules.get(str(getattr(kind, "__module__", "")))
            known = self._owners[kind] = self._owner_of_module(module) if module is not None else OURS
        return known

    def _new(self, thing: Any) -> Any:
        """What stands in its place, None where nothing does and the thing stays."""
        if id(thing) not in self._made:
            made = self._replace(thing)
            if made is None:
                self.left[id(thing)] = thing
            self._made[id(thing)] = None if made is thing else made
        return self._made[id(thing)]

    def _put(self, value: Any, store: Callable[[Any], None]) -> None:
        """One place and what is there: change it, or look further down."""
        thing = self._things.get(id(value))
        if thing is None:
            if id(value) in self._containers:
                self._visit(value)
            return
        made = self._new(thing)
        if made is None:
            return
        try:
            store(made)
            self.swapped += 1
        except Exception:  # a frozen dataclass, a property without a setter …
            self.left[id(thing)] = thing

    def _visit(self, holder: Any) -> None:
        if id(holder) in self._seen:
            return
        self._seen.add(id(holder))
        if isinstance(holder, dict):
            for key, value in list(holder.items()):
                self._put(value, lambda made, key=key: holder.__setitem__(key, made))  # type: ignore[misc]
        elif isinstance(holder, list):
            for place, value in enumerate(list(holder)):
                self._put(value, lambda made, place=place: holder.__setitem__(place, made))  # type: ignore[misc]
        elif isinstance(holder, tuple):
            for value in holder:
                self._put(value, _cannot)
        elif isinstance(holder, CellType):
            try:
                self._put(holder.cell_contents, lambda made: setattr(holder, "cell_contents", made))
            except ValueError:  # an empty cell
                pass
        elif isinstance(holder, FunctionType):
            for part in (holder.__closure__, holder.__defaults__, holder.__kwdefaults__, holder.__dict__):
                self._put(part, _cannot)
        elif isinstance(holder, type):
            for name, value in list(vars(holder).items()):
                self._put(value, lambda made, name=name: type.__setattr__(holder, name, made))  # type: ignore[misc]
        else:
            self._attributes(holder)

    def _attributes(self, holder: Any) -> None:
        try:
            attributes: Any = object.__getattribute__(holder, "__dict__")
        except AttributeError:
            attributes = None
        if type(attributes) is dict:
            self._visit(attributes)
        for kind in type(holder).__mro__:
            slots = vars(kind).get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else tuple(slots):
                descriptor = vars(kind).get(name)
                if descriptor is None or not hasattr(descriptor, "__set__"):
                    continue
                try:
                    value = descriptor.__get__(holder, kind)
                except AttributeError:
                    continue
                self._put(value, lambda made, d=descriptor: d.__set__(holder, made))  # type: ignore[misc]

    def _frames(self) -> None:
        mine = sys._getframe()
        for frame in list(sys._current_frames().values()):
            here: FrameType | None = frame
            own = _reaches(frame, mine)
            while here is not None:
                if owner_of(here.f_code) <= LIBRARY:
                    self._locals(here, own)
                here = here.f_back

    def _locals(self, frame: FrameType, own: bool) -> None:
        if frame.f_locals is frame.f_globals:
            return
        values = frame.f_locals
        changed = False
        for name, value in list(values.items()):
            thing = self._things.get(id(value))
            if thing is None:
                if id(value) in self._containers:
                    self._visit(value)
                continue
            made = self._new(thing)
            if made is None:
                continue
            if _WRITES_THROUGH or own:
                values[name] = made
                changed = True
            else:
                # writing one variable writes all of them (before PEP 667); its thread may be changing them
                self.left[id(thing)] = thing
        if changed:
            self.swapped += 1
            if not _WRITES_THROUGH:
                import ctypes

                ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))


_WRITES_THROUGH = sys.version_info >= (3, 13)


def _reaches(frame: FrameType | None, wanted: FrameType) -> bool:
    while frame is not None:
        if frame is wanted:
            return True
        frame = frame.f_back
    return False


def _cannot(_: Any) -> None:
    raise TypeError("nothing else can be put there")
