"""Who holds which lock, and who waits for it, as far as source and addresses say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from paramedic.dump.activity import Activity
from paramedic.dump.calls import Call, Layer
from paramedic.dump.place import LockName
from paramedic.dump.source import Sources
from paramedic.dump.waits import Wait
from paramedic.model.finding import Site
from paramedic.model.snapshot import ObjectState

_PRINTED_LOCK = re.compile(r"<(?:locked |unlocked )?(?:_thread\.|threading\.)?(?:R?[Ll]ock|Condition)\b")


def is_printed_lock(printed: str) -> bool:
    """Whether a dump prints a lock so.

    Threads: pure.
    """
    return bool(_PRINTED_LOCK.match(printed))


_LAST = re.compile(r"(\w+)(?:\(.*\)|\[.*\])*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class LockUse:
    """A lock where a thread takes or holds it.

    Attributes:
        lock: as the source names it.
        activity: the thread.
        site: the line in whose function it is taken or held.
        address: of the object that its root names, where the dump prints it.
        itself: the address of the lock, where the dump prints it or somebody looked into the object.
    """

    lock: LockName
    activity: Activity
    site: Site
    address: str | None
    itself: str | None = None

    @property
    def last(self) -> str:
        """The last name of the expression: ``lock`` of ``self.host.lock``."""
        return last_name(self.lock)


def last_name(lock: LockName) -> str:
    """See `LockUse.last`.

    Threads: pure.
    """
    match = _LAST.search(lock.text)
    return match[1] if match else lock.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """One thread waits for a lock that another (or the same) holds.

    Attributes:
        wants: the lock where it is waited for.
        holds: the lock where it is held.
        certain: addresses, or the module's own name, say that it is the same lock; else the names only fit.
    """

    wants: LockUse
    holds: LockUse
    certain: bool


def waits_for_lock(activity: Activity) -> bool:
    """Whether the thread stands where the source may show a lock being taken.

    Threads: pure.
    """
    return activity.wait in (Wait.LOCK, Wait.OWN_CODE, Wait.SEMAPHORE)


States = Callable[[str | None], ObjectState | None]
"""What is known of the inside of the object at an address."""


def wanted(activity: Activity, sources: Sources, states: States) -> tuple[LockUse, ...]:
    """The locks that the innermost line of the user's takes; empty if the thread waits for something else.

    Threads: as `Sources`.
    """
    if not waits_for_lock(activity) or all(c.layer in (Layer.LIBRARY, Layer.STDLIB) for c in activity.calls):
        return ()  # a library's own thread, such as an idle worker of gevent's, waits for work in ways of its own
    call = next((c for c in activity.calls if c.layer in (Layer.USER, Layer.LIBRARY)), None)
    place = sources.place(call.site) if call is not None else None
    if call is None or place is None:
        return ()
    locks = place.wants()
    if activity.wait is Wait.SEMAPHORE:  # several may hold one, unless it counts to one
        module = sources.module(call.site.file)
        locks = tuple(k for k in locks if module is not None and module.is_mutex(last_name(k)))
    return tuple(_use(lock, activity, call, states) for lock in locks)


Known = Mapping[str, frozenset[str]]
"""By file, expressions at which threads of the dump stand still with nothing called: so they are locks."""


def held(activity: Activity, sources: Sources, states: States, known: Known) -> tuple[LockUse, ...]:
    """The locks that the stack of a thread stands under, by the source of each of its frames.

    Threads: as `Sources`.
    """
    return tuple(_held(activity, sources, states, known))


def _held(activity: Activity, sources: Sources, states: States, known: Known) -> Iterator[LockUse]:
    for index, call in enumerate(activity.calls):
        if call.layer not in (Layer.USER, Layer.LIBRARY):
            continue
        place = sources.place(call.site)
        if place is not None:
            # `with lock: work()` on one line: where nothing was called yet the thread stands before the lock.
            taking = place.wants() if index == 0 else ()
            waiting = activity.site == call.site and activity.calls[index - 1].at("threading", layer=Layer.STDLIB)
            let_go = place.lets_go() if index and waiting else frozenset()
            for lock in place.holds(
                _known_locks(call, states) | known.get(call.site.file, frozenset()), sources.managers
            ):
                if lock in taking or last_name(lock) in let_go:
                    continue
                yield _use(lock, activity, call, states)


def _known_locks(call: Call, states: States) -> frozenset[str]:
    """Expressions of this frame that are locks by what the dump prints, or by what is inside the objects it names."""
    found = set()
    for name, printed in call.frame.variables:
        if _PRINTED_LOCK.match(printed):
            found.add(name)
        state = states(call.address(name))
        if state is not None and state.kind not in ("Channel", "Timer"):
            found |= {f"{name}.{attribute}" for attribute, _ in state.values}
    return frozenset(found)


def _use(lock: LockName, activity: Activity, call: Call, states: States) -> LockUse:
    address = call.address(lock.root)
    itself = address if not lock.rest else None
    state = states(address) if lock.rest.count(".") == 1 else None
    if state is not None:
        told = state.get(lock.rest[1:])
        itself = told if isinstance(told, str) and told.startswith("0x") else None
    return LockUse(lock=lock, activity=activity, site=call.site, address=address, itself=itself)


def same_lock(one: LockUse, other: LockUse) -> bool | None:
    """True: the same lock. False: another one. None: the names fit, no more is known.

    Threads: pure.
    """
    if one.itself and other.itself:
        return one.itself == other.itself
    if one.address and other.address and _path(one) == _path(other):
        return one.address == other.address
    if not one.lock.scope and not other.lock.scope and one.lock.root and other.lock.root:
        if one.lock.file == other.lock.file and "[" not in one.lock.text and "(" not in one.lock.text:
            return one.lock.text == other.lock.text
    local = _is_local(one.lock) or _is_local(other.lock)
    if one.last == other.last or (local and not (one.address and other.address)):
        return None
    # A lock may have two names (a parameter and an attribute); only then can different last names be one lock.
    return False


def _is_local(lock: LockName) -> bool:
    return lock.scope.endswith("()") and not lock.rest


def _path(use: LockUse) -> str:
    return use.lock.rest
