"""Exceptions of tasks in threads that reached an event loop, and that nobody asked the loop for.

``asyncio.to_thread`` and ``run_in_executor`` copy a task's exception into a future of the loop's. That future is
written in C and cannot be watched, but it tells the loop itself when it is freed and nobody has asked it (``Task
exception was never retrieved``). The exception is the same object in both, but for TimeoutError, of which the loop
makes its own.

Threads: the probes run in the loop's thread, also in finalizers, and do not block.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from sys import _getframe
from typing import Any
from weakref import ref

from paramedic.model.event import Kind, State
from paramedic.record.patches import Target
from paramedic.record.probe import Probes, describe

_MOST = 1000
_DEEPEST = 5


class Failures:
    """The latest exceptions of futures, by their addresses: what is kept of them keeps nothing alive.

    Threads: any; each change is one operation on a dict.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, str]] = {}

    def add(self, error: BaseException, future: int, words: str) -> None:
        """A future's task ended with it."""
        self._known[id(error)] = future, words
        if len(self._known) > _MOST:
            try:
                self._known.pop(next(iter(self._known)), None)
            except (StopIteration, RuntimeError):  # another thread was faster
                return

    def copied(self, error: Any, made: Any) -> None:
        """Another exception was made of it."""
        known = self._known.get(id(error))
        if known is not None and made is not error:
            self._known[id(made)] = known[0], describe(made)

    def future_of(self, error: Any) -> int:
        """The future whose exception it is, or led to it; 0 if there is none."""
        for _ in range(_DEEPEST):
            if error is None:
                break
            future, words = self._known.get(id(error), (0, ""))
            if future and words == describe(error):  # else another one lives at the address of one that is gone
                return future
            error = error.__cause__ or error.__context__
        return 0


def unretrieved(probes: Probes, base_events: Any, failures: Failures) -> Iterator[Target]:
    """The probes of asyncio for exceptions that nobody asks for.

    Threads: the thread that starts a recording, or that imports asyncio.
    """
    state, what = int(Kind.STATE), int(State.UNRETRIEVED)

    def told(loop: Any, context: Any) -> None:
        try:
            if loop._exception_handler is None and "never retrieved" in context.get("message", ""):
                future = failures.future_of(context.get("exception"))
                if future:
                    probes.row(state, what, future, 0, 0, 0)
        except Exception as e:
            probes.trouble("call_exception_handler", e)

    def enter(error: Any) -> Any:
        return error

    def converted(error: Any, made: Any) -> Any:
        try:
            failures.copied(error, made)
        except Exception as e:
            probes.trouble("_convert_future_exc", e)
        return made

    gathers = getattr(sys.modules.get("asyncio.tasks"), "_GatheringFuture", None)
    if gathers is not None:
        yield Target(gathers, "__init__", _gathers(probes, failures))
    yield Target(base_events.BaseEventLoop, "call_exception_handler", told, parameters=("context",))
    futures = sys.modules.get("asyncio.futures")
    if futures is not None and hasattr(futures, "_convert_future_exc"):
        yield Target(futures, "_convert_future_exc", enter, converted)


def _gathers(probes: Probes, failures: Failures) -> Callable[[Any], None]:
    """A probe of the making of the future of ``gather()``: which exceptions it then puts among its results."""
    state, gathered = int(Kind.STATE), int(State.GATHERED)

    def enter(outer: Any) -> None:
        try:
            gather = _getframe(2)
            if gather.f_locals.get("return_exceptions") is not True:
                return
            stack, known = probes.stacks.of(gather.f_back), ref(outer)

            def set_result(results: Any) -> None:
                future: Any = known()
                try:
                    del future.set_result
                    for error in results:
                        told = failures.future_of(error) if isinstance(error, BaseException) else 0
                        if told:
                            probes.row(state, gathered, told, stack, 0, 0)
                except Exception as e:
                    probes.trouble("gather", e)
                type(future).set_result(future, results)

            outer.set_result = set_result  # of this one alone: that of its class is written in C
        except Exception as e:
            probes.trouble("gather", e)

    return enter
