"""All pools of this process, for its end and for its children."""

from __future__ import annotations

import atexit
import os
import weakref
from typing import TYPE_CHECKING

from paramedic.safe import standstill

if TYPE_CHECKING:
    from paramedic.safe.dispatch import Dispatcher
    from paramedic.safe.pool import ClientPool

_POOLS: weakref.WeakSet[ClientPool] = weakref.WeakSet()
_ENGINES: weakref.WeakSet[Dispatcher] = weakref.WeakSet()
"""Of all pools, those too that nobody has any more: their connections keep them, and commands may run on these."""


def keep(pool: ClientPool) -> None:
    """Has a pool closed when the interpreter ends, and abandoned in children.

    Threads: any thread; it does not block.
    """
    _POOLS.add(pool)
    _ENGINES.add(pool._dispatcher)


def _close_all() -> None:
    # At exit, daemon threads still run: remote processes are told to end before the interpreter takes them away. All
    # are told first: hundreds of pools would each take a moment, one after the other.
    pools = [pool for pool in list(_POOLS) if not pool._closed]
    engines = [engine for engine in list(_ENGINES) if not engine.is_over]
    for engine in engines:
        engine.end()
    for pool in pools:
        pool.close(cancel=True)
    for engine in engines:
        engine.close(cancel=True, timeout=None)


def _abandon_all() -> None:
    standstill.forget_all()
    for pool in list(_POOLS):
        pool._closed = True
        pool._shelf.forget()
    for engine in list(_ENGINES):
        engine.abandon_after_fork()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_all)
