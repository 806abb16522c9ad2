"""One client per thread, closed when its thread ends or its owner does."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar, cast

from paramedic.safe.crew import begin
from paramedic.safe.signal_safe import SignalSafeEvent


class Closable(Protocol):
    """What a factory makes: a ``paramiko.SSHClient``, or anything else that is closed."""

    def close(self) -> Any:
        """Closes it.

        Threads: any thread.
        """


_C = TypeVar("_C", bound=Closable)
_CLOSE_LIMIT_S = 15.0


def _close_aside(close: Callable[[], Any]) -> None:
    """Calls ``close`` on a thread of its own and waits for it.

    A thread's local storage goes when ``threading`` has already forgotten the thread. Paramiko asks for the current
    thread while it closes, and would have a ``Dummy-…`` entered for it that stays for ever.
    """
    done = SignalSafeEvent()

    def work() -> None:
        try:
            close()
        finally:
            done.set()

    try:
        begin(threading.Thread(target=work, name="paramedic-close", daemon=True))
    except RuntimeError:  # the interpreter is on its way out
        close()
    else:
        done.wait(_CLOSE_LIMIT_S)


class _Holder(Generic[_C]):
    """Lives in one thread's local storage; when that goes, the client is closed."""

    def __init__(self, client: _C) -> None:
        self.client = client
        self._finalizer = weakref.finalize(self, _close_aside, client.close)

    @property
    def is_open(self) -> bool:
        return self._finalizer.alive

    def close(self) -> None:
        if self.leave():
            self.client.close()

    def leave(self) -> bool:
        return self._finalizer.detach() is not None


class LocalClient(Generic[_C]):
    """Gives each thread a client of its own; see :func:`local_client`.

    Threads: every method may be called by any thread.
    """

    def __init__(self, factory: Callable[[], _C]) -> None:
        """Keeps ``factory``.

        Threads: any thread; it does not block.
        """
        self._factory = factory
        self._closed = False
        self._begin()
        _OWNERS.add(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._holders: weakref.WeakSet[_Holder[_C]] = weakref.WeakSet()
        self._local = threading.local()

    def _leave_to_parent(self) -> None:
        # In a forked child: the clients are the parent's, and are not closed here; who calls gets one of his own.
        for holder in list(self._holders):
            holder.leave()
        self._begin()

    def __call__(self) -> _C:
        """The calling thread's client, made at its first call.

        Raises:
            RuntimeError: the owner was closed.
            TypeError: the factory gave nothing that can be closed: it forgot its ``return``.

        Threads: any thread; the client belongs to it. It blocks as long as the factory does.
        """
        holder: _Holder[_C] | None = getattr(self._local, "holder", None)
        if holder is None or not holder.is_open:
            if self._closed:
                raise RuntimeError("the owner of this thread's clients was closed")
            # An exception that Paramiko caught while it connected, with all frames up to this one, may live until the
            # next garbage collection. No frame up here has a holder then: the client is to be closed before.
            del holder
            self._keep(self._factory())
            return cast(_C, self._local.holder.client)
        return holder.client

    def _keep(self, client: _C) -> None:
        if not callable(getattr(client, "close", None)):
            what = "None" if client is None else f"a {type(client).__name__}"
            raise TypeError(f"local_client's factory returned {what}, which has no close(): is it to return a client?")
        holder = _Holder(client)
        with self._lock:
            closed = self._closed
            self._holders.add(holder)
        self._local.holder = holder
        if closed:  # while the factory worked
            holder.close()
            raise RuntimeError("the owner of this thread's clients was closed")

    def discard(self) -> None:
        """Closes the calling thread's client; its next call makes a new one. Use it after an error.

        Threads: any thread. It blocks as long as closing does.
        """
        holder: _Holder[_C] | None = self._local.__dict__.pop("holder", None)
        if holder is not None:
            holder.close()

    def close(self) -> None:
        """Closes the clients of all threads.

        Threads: any thread, any number of times. It blocks as long as closing does.
        """
        with self._lock:
            self._closed = True
            holders = list(self._holders)
        for holder in holders:
            holder.close()

    def __enter__(self) -> LocalClient[_C]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_OWNERS: weakref.WeakSet[LocalClient[Any]] = weakref.WeakSet()


def _leave_all_to_parent() -> None:
    for owner in list(_OWNERS):
        owner._leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all_to_parent)


def local_client(factory: Callable[[], _C]) -> LocalClient[_C]:
    """Gives each thread a client of its own, closed when the thread ends or the owner does.

    The usual recipe with ``threading.local()`` leaves every connection open until the program ends. A forked child
    makes clients of its own.

    >>> clients = local_client(connect)                 # doctest: +SKIP
    >>> with clients, ThreadPoolExecutor(8) as threads: # doctest: +SKIP
    ...     threads.map(lambda path: clients().exec_command(f"rm {path}"), paths)

    Args:
        factory: makes a connected client; called once per thread, on that thread.

    Threads: any thread; it does not block.
    """
    return LocalClient(factory)
