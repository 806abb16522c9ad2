"""Hand-overs between threads: start and join, events, semaphores, conditions, barriers, queues, futures, event loops.

Each becomes POST where something is handed over (recorded before it is) and TAKE where it is received (recorded after).

Threads: the probes run in any thread of the program's and do not block; making them is the recorder's start.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from sys import _getframe
from typing import Any

from paramedic.model.event import BINARY, Kind, State
from paramedic.model.operations import NUMBER
from paramedic.record.asyncio_futures import Failures, unretrieved
from paramedic.record.asyncio_tasks import coroutines_futures, lineage, made_at, running, task_births
from paramedic.record.frames import PARAMIKO, SYNC, _owners, owner_of
from paramedic.record.locks import StandIns
from paramedic.record.patches import Guard, Target
from paramedic.record.probe import MARK, Probes, describe, milliseconds
from paramedic.record.status_event import status_waits
from paramedic.record.waited_futures import waiters

_POST, _TAKE, _START, _BEGIN, _END, _JOINED = (
    int(k) for k in (Kind.POST, Kind.TAKE, Kind.START, Kind.BEGIN, Kind.END, Kind.JOINED)
)
SUBMITTED, DONE = 1, 2
"""Tokens of a future: what the submitter hands to the worker, and the worker to whoever asks for the result."""
_ALWAYS = PARAMIKO + 1
_EMPTY: dict[str, int] = {}


def _ignore(_: Any, __: BaseException) -> None:
    return None


class HandOvers:
    """The probes of one recording for the standard library's means of hand-over."""

    def __init__(self, probes: Probes) -> None:
        self.probes = probes
        self.called_loops: set[int] = set()
        self.failures = Failures()

    def post(self, token: Callable[..., int] | None = None, silent: int = SYNC) -> Callable[..., None]:
        """A probe for the begin of a call that hands something over through its object."""
        row, id_of, trouble = self.probes.row, self.probes.id_of, self.probes.trouble

        def enter(thing: Any, *values: Any) -> None:
            try:
                code = _getframe(2).f_code
                if (_owners.get(id(code)) or owner_of(code)) < silent:
                    row(_POST, 0, id_of(thing), 0, token(*values) if token is not None else 0, 0)
            except Exception as e:
                trouble("post", e)

        return enter

    def waiting(
        self,
        op: str,
        took: Callable[[Any], int | None],
        arguments: Callable[..., tuple[int, int]] | None = None,
        silent: int = SYNC,
        framed: bool = False,
    ) -> tuple[Callable[..., Any], Callable[[Any, Any], Any], Callable[[Any, BaseException], None]]:
        """Probes for a call that waits for something and may have received it when it returns."""
        begin, end, fail = self.probes.call(NUMBER[op], None, arguments, silent, framed)
        row, trouble = self.probes.row, self.probes.trouble

        def leave(token: int, result: Any) -> Any:
            try:
                what = took(result)
                if what is not None:
                    row(_TAKE, 0, token, 0, what, 0)
            except Exception as e:
                trouble(op, e)
            return end(token, result)

        return begin, leave, fail

    def signals(self, threading: Any, locks: StandIns) -> Iterator[Target]:
        """Events, semaphores, barriers and conditions of the program's."""
        probes = self.probes
        for name in ("Event", "Semaphore", "Barrier", "Condition"):
            probes.classes[getattr(threading, name)] = NUMBER[f"{name}.__init__"]
        timeout = lambda _, value=None: (milliseconds(value), 0)  # noqa: E731
        always_zero = lambda _: 0  # noqa: E731
        if_true = lambda result: 0 if result else None  # noqa: E731

        def born(thing: Any) -> None:
            try:
                frame = _getframe(2)
                if owner_of(frame.f_code) < SYNC:
                    probes.adopt(thing, 0, 0, frame)
            except Exception as e:
                probes.trouble("birth", e)

        def semaphore_made(thing: Any, value: Any = 0) -> None:
            try:
                frame = _getframe(2)
                if owner_of(frame.f_code) < SYNC:
                    probes.adopt(thing, 0, BINARY if value == 1 else 0, frame)
            except Exception as e:
                probes.trouble("birth", e)

        by_program = probes.by_program
        for name in ("Semaphore", "BoundedSemaphore"):
            made = getattr(threading, name)
            yield Target(made, "__init__", semaphore_made, parameters=("value",), guard=by_program)
        yield Target(threading.Barrier, "__init__", born, guard=by_program)
        # Paramiko's and the standard library's own events are used far more often than the program's. Only where every
        # birth is seen may those that have no id be passed over; which is told quickest by an attribute of their own.
        known = probes.is_known if probes.early else by_program
        unmarked = f"_set(_first, {MARK!r}, 0) is None and {by_program.words}"
        event_made = Guard(unmarked, {**by_program.values, "_set": object.__setattr__})
        yield Target(threading.Event, "__init__", born, guard=event_made, makers=probes.makers)
        yield Target(threading.Event, "set", self.post(), guard=known)
        yield status_waits(probes, threading, self.waiting("Event.wait", if_true, timeout, framed=True), known)
        yield Target(threading.Event, "is_set", *self._asked(), guard=known)
        yield Target(threading.Semaphore, "release", self.post())
        # `with semaphore:` lets go through threading's own frame, which the probe of release() passes over
        yield Target(threading.Semaphore, "__exit__", self.post())
        yield Target(threading.BoundedSemaphore, "release", self.post())
        yield Target(
            threading.Semaphore,
            "acquire",
            *self.waiting(
                "Semaphore.acquire", if_true, lambda _, blocking, value: (milliseconds(value) if blocking else 0, 0)
            ),
            ("blocking", "timeout"),
        )
        enter, leave, fail = self.waiting("Barrier.wait", always_zero, timeout, _ALWAYS)
        post = self.probes.row

        def arrive(thing: Any, *values: Any) -> Any:
            token = enter(thing, *values)
            try:
                if token is not None:
                    post(_POST, 0, token, 0, 0, 0)
            except Exception as e:
                probes.trouble("Barrier.wait", e)
            return token

        yield Target(threading.Barrier, "wait", arrive, leave, fail, ("timeout",))

        def condition_made(condition: Any, lock: Any) -> Any:
            try:
                frame = _getframe(2)
                if owner_of(frame.f_code) >= SYNC:
                    return None
                if not condition._paramedic_id_:
                    probes.adopt(condition, 0, lock._id if locks.is_one(lock) else 0, frame)
            except Exception as e:
                probes.trouble("Condition", e)
            return condition if lock is None else None

        def condition_ready(condition: Any, result: Any) -> Any:
            # a Condition that makes its own lock makes it inside threading, where locks are not watched
            try:
                lock = locks.watched_rlock()
                initialize: Callable[[Any, Any], None] = threading.Condition.__init__
                initialize(condition, lock)
            except Exception as e:
                probes.trouble("Condition", e)
            return result

        made = by_program
        if probes.early:  # then the program has no lock that is not watched
            values = {**made.values, "_type": type, "_lock": type(threading.Lock())}
            made = Guard(f"_type(lock) is not _lock and {made.words}", values)
        yield Target(threading.Condition, "__init__", condition_made, condition_ready, parameters=("lock",), guard=made)
        wait = probes.call(NUMBER["Condition.wait"], None, timeout, SYNC)
        yield Target(threading.Condition, "wait", *wait, ("timeout",), known)
        wait = probes.call(NUMBER["Condition.wait_for"], None, timeout, SYNC)
        yield Target(threading.Condition, "wait_for", *wait, ("timeout",), known)

    def _asked(self) -> tuple[Callable[..., Any], Callable[[Any, Any], Any], Callable[[Any, BaseException], None]]:
        """Probes for a question whose answer True says that the hand-over has happened."""
        row, id_of, trouble = self.probes.row, self.probes.id_of, self.probes.trouble

        def enter(thing: Any) -> Any:
            try:
                code = _getframe(2).f_code
                return thing if (_owners.get(id(code)) or owner_of(code)) < SYNC else None
            except ValueError:  # called from C alone
                return None

        def leave(thing: Any, result: Any) -> Any:
            try:
                if result:
                    row(_TAKE, 0, id_of(thing), 0, 0, 0)
            except Exception as e:
                trouble("asked", e)
            return result

        return enter, leave, _ignore

    def queues(self, queue: Any) -> Iterator[Target]:
        """`queue.Queue` and its subclasses; an item's identity is the token while it is in the queue."""
        self.probes.classes[queue.Queue] = NUMBER["Queue.__init__"]

        def timeout(_: Any, block: Any = True, value: Any = None) -> tuple[int, int]:
            return milliseconds(value) if block else 0, 0

        # called from a probe, so its caller is always the queue's own code
        put, put_end, put_fail = self.probes.call(
            NUMBER["Queue.put"], None, lambda _, item, block, t: timeout(_, block, t), _ALWAYS
        )
        row, id_of, trouble = self.probes.row, self.probes.id_of, self.probes.trouble

        def enter(thing: Any, item: Any, *values: Any) -> Any:
            token = put(thing, item, *values)
            try:
                ours = getattr(item, "__dict__", _EMPTY).get(MARK, 0)
                row(_POST, 0, id_of(thing), 0, id(item), ours)
            except Exception as e:
                trouble("put", e)
            return token

        # put_nowait and get_nowait call put and get: they are called from queue.py, which counts as SYNC
        yield Target(queue.Queue, "put", enter, put_end, put_fail, ("item", "block", "timeout"))
        yield Target(queue.Queue, "get", *self.waiting("Queue.get", id, timeout, _ALWAYS), ("block", "timeout"))
        yield Target(queue.Queue, "task_done", self.post(lambda: -1))
        yield Target(queue.Queue, "join", *self.waiting("Queue.join", lambda _: -1))

    def pools(self, thread: Any) -> Iterator[Target]:
        """Thread pools."""
        probes = self.probes
        row, id_of, stack_of, trouble = probes.row, probes.id_of, probes.stacks.of, probes.trouble
        probes.classes[thread.ThreadPoolExecutor] = NUMBER["Executor.__init__"]
        state, for_task = int(Kind.STATE), int(State.FOR_TASK)

        def submitted(_: Any, future: Any) -> None:
            try:
                submit = _getframe(2)
                pool = submit.f_locals.get("self")
                task = running()
                site = made_at(task) or stack_of(submit)
                if task is not None:
                    row(state, for_task, id_of(future), 0, lineage(task), 0)
                row(_POST, 0, id_of(future), site, SUBMITTED, id_of(pool) if pool is not None else 0)
            except Exception as e:
                trouble("submit", e)

        def runs(item: Any) -> None:
            try:
                row(_TAKE, 0, id_of(item.future), 0, SUBMITTED, 0)
            except Exception as e:
                trouble("run", e)

        # 3.14 gives a _WorkItem its task in one argument; the future stays the first
        yield Target(thread._WorkItem, "__init__", submitted, parameters=("future",))
        yield Target(thread._WorkItem, "run", runs)

    def futures(self, base: Any) -> Iterator[Target]:
        """Futures, those of no pool too: a program may make one, and set its result itself."""
        probes = self.probes
        row, id_of, trouble = probes.row, probes.id_of, probes.trouble
        probes.classes[base.Future] = NUMBER["Future.__init__"]
        timeout = lambda _, value=None: (milliseconds(value), 0)  # noqa: E731
        state = int(Kind.STATE)
        done = self.post(lambda *_: DONE, _ALWAYS)
        failed = int(State.FAILED)
        text, failures = probes.writer.text, self.failures

        def fails(future: Any, error: Any) -> None:
            done(future)
            try:
                if isinstance(error, BaseException):
                    words = describe(error)
                    row(state, failed, id_of(future), 0, 0, text(words))
                    failures.add(error, id_of(future), words)
            except Exception as e:
                trouble("set_exception", e)

        yield Target(base.Future, "set_result", done)
        yield Target(base.Future, "set_exception", fails, parameters=("exception",))
        asked_op = NUMBER["Future.result"]
        for name in ("result", "exception"):
            enter, leave, fail = self.waiting(f"Future.{name}", lambda _: DONE, timeout, _ALWAYS)

            def ask(future: Any, *values: Any, enter: Callable[..., Any] = enter) -> Any:
                if future._state != "FINISHED":
                    return enter(future, *values)
                try:  # nothing is waited for: the hand-over is all there is to say
                    row(_TAKE, _asker(_getframe(1).f_back, asked_op), id_of(future), 0, DONE, 0)
                except Exception as e:
                    trouble("Future.result", e)
                return None

            def raised(token: int, error: BaseException, fail: Callable[[Any, BaseException], None] = fail) -> None:
                try:
                    if not isinstance(error, TimeoutError):  # the task's own exception is a hand-over, too
                        row(_TAKE, 0, token, 0, DONE, 0)
                except Exception as e:
                    trouble("Future.result", e)
                fail(token, error)

            yield Target(base.Future, name, ask, leave, raised, ("timeout",))

        def looked(future: Any) -> Any:
            return future

        def finished(future: Any, result: Any) -> Any:
            try:
                if result:
                    row(_TAKE, 0, id_of(future), 0, DONE, 0)
            except Exception as e:
                trouble("done", e)
            return result

        yield Target(base.Future, "done", looked, finished)

        def waited(fs: Any) -> Any:
            return fs

        def ended(fs: Any, result: Any) -> Any:
            try:
                for future in result.done:
                    row(_TAKE, 0, id_of(future), 0, DONE, 0)
            except Exception as e:
                trouble("futures.wait", e)
            return result

        yield Target(base, "wait", waited, ended)
        yield waiters(base, base.threading, probes)

    def loops(self, base_events: Any, events: Any) -> Iterator[Target]:
        """``call_soon_threadsafe``: the one door into an event loop's thread."""
        row, id_of, called, trouble = self.probes.row, self.probes.id_of, self.called_loops, self.probes.trouble

        def asked(loop: Any) -> Any:
            try:
                row(_POST, 0, id_of(loop), 0, -1, 0)
                called.add(id(loop))
            except Exception as e:
                trouble("call_soon_threadsafe", e)
            return loop

        def runs(handle: Any) -> None:
            # The loop may run the handle before call_soon_threadsafe() has returned it, so it cannot be known which
            # one it is. The loop's own id stands for all that was handed in before: too much, so no false alarm.
            try:
                if id(handle._loop) in called:
                    called.discard(id(handle._loop))
                    row(_TAKE, 0, id_of(handle._loop), 0, -1, 0)
            except Exception as e:
                trouble("Handle._run", e)

        self.probes.classes[base_events.BaseEventLoop] = NUMBER["Loop.__init__"]
        yield Target(
            base_events.BaseEventLoop,
            "run_forever",
            *self.probes.call(NUMBER["Loop.run_forever"], None, None, _ALWAYS),
        )
        yield Target(base_events.BaseEventLoop, "call_soon_threadsafe", asked)
        yield Target(events.Handle, "_run", runs)
        yield from unretrieved(self.probes, base_events, self.failures)
        yield from task_births(self.probes, base_events.BaseEventLoop)
        if "asyncio.tasks" in sys.modules:
            yield from coroutines_futures(self.probes, sys.modules["asyncio.tasks"])
        from paramedic.record.loop_rests import loop_rests  # not before it is needed: the start is short

        selectors = sys.modules.get("selectors")
        if selectors is not None:
            yield from loop_rests(self.probes, selectors, events)


def _asker(caller: Any, asked: int) -> int:
    """Who asks a future for its result: an event loop only passes it on to a future of its own."""
    return _PASSES_ON if caller is not None and caller.f_code.co_filename.endswith(_COPIES) else asked


_COPIES = os.path.join("asyncio", "futures.py")
_RUNNERS = os.path.join("asyncio", "runners.py")
_PASSES_ON = NUMBER["Loop.run_forever"]


def signal_handlers(probes: Probes, signal: Any) -> Iterator[Target]:
    """Which functions of the program's are signal handlers: they run in the middle of whatever the main thread does."""
    state, handler_set = int(Kind.STATE), int(State.SIGNAL)

    def enter(number: Any, handler: Any) -> None:
        try:
            function = getattr(handler, "func", handler)  # functools.partial
            call = type(function).__call__ if callable(function) else None  # of an object of the program's
            code = getattr(getattr(function, "__func__", function), "__code__", None) or getattr(call, "__code__", None)
            if code is not None and not code.co_filename.endswith(_RUNNERS):  # asyncio.run()'s own, for Ctrl-C
                words = f"{code.co_filename}\t{getattr(code, 'co_qualname', code.co_name)}"
                probes.row(state, handler_set, 0, 0, int(number), probes.writer.text(words))
        except Exception as e:
            probes.trouble("signal.signal", e)

    yield Target(signal, "signal", enter, parameters=("handler",))
