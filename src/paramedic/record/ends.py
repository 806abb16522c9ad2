"""When a client's object goes: Paramiko's have no finalizer, and a connection lives on without its client.

Threads: `Ends.of` in any thread; what it notes is written by whichever thread drops the last reference, or runs the
collector. Neither blocks.
"""

from __future__ import annotations

from _weakref import ref  # not through `weakref`: what the program does to that module is its own
from collections.abc import Callable
from typing import Any

from paramedic.model.event import Kind
from paramedic.record.probe import Probes
from paramedic.trace import native
from paramedic.trace.layout import KIND_SHIFT

_FINAL = int(Kind.FINAL)


class Ends:
    """Records the end of objects.

    Threads: see the module's text.
    """

    def __init__(self, probes: Probes) -> None:
        """Nothing is watched yet."""
        self._row, self._trouble = probes.row, probes.trouble
        self._kept: dict[int, tuple[Any, int]] = {}  # a weak reference is called back only while it lives itself
        self._told: Callable[[Any], None] = self._gone
        self.of: Callable[[Any, int], None] = self._of
        """Have the end of an object recorded, under this id; of one that cannot be referred to weakly nothing is said.

        Threads: any; it does not block.
        """
        if native.rows is not None:
            self._told = native.rows.Gone(probes.writer.current, self._gone, self._kept, _FINAL << KIND_SHIFT)
            self.of = native.rows.EndOf(None, self._of, self._told, self._kept)

    def _of(self, thing: Any, given: int) -> None:
        try:
            weak = ref(thing, self._told)
        except TypeError:
            return
        self._kept[id(weak)] = weak, given

    def _gone(self, weak: Any) -> None:
        try:
            _, given = self._kept.pop(id(weak))
            self._row(_FINAL, 0, given, 0, 1, 0)
        except Exception as e:
            self._trouble("end", e)
