"""All pools of this process, for its end and for its children."""

from __future__ import annotations

import atexit
import os
import weakref
from typing import TYPE_CHECKING

from paramedic.safe import standstill

if TYPE_CHECKING:
    from paramedic.safe.pool import ClientPool

_POOLS: weakref.WeakSet[ClientPool] = weakref.WeakSet()


def keep(pool: ClientPool) -> None:
    """Has a pool closed when the interpreter ends, and abandoned in children.

    Threads: any thread; it does not block.
    """
    _POOLS.add(pool)


def _close_all() -> None:
    # At exit, daemon threads still run: remote processes are told to end before the interpreter takes them away. All
    # are told first: hundreds of pools would each take a moment, one after the other.
    pools = [pool for pool in list(_POOLS) if not pool._closed]
    for pool in pools:
        pool._dispatcher.end()
    for pool in pools:
        pool.close(cancel=True)


def _abandon_all() -> None:
    standstill.forget_all()
    for pool in list(_POOLS):
        pool._closed = True
        pool._shelf.forget()
        pool._dispatcher.abandon_after_fork()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_all)
