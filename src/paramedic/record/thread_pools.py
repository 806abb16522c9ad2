"""`multiprocessing.pool.ThreadPool`: what is handed to it, who waits for it, and whose exceptions nobody asks for.

Its workers are threads that take their tasks from a `SimpleQueue`, which stands for the pool here. Pools of processes
are left alone.

Threads: the probes run in any thread of the program's and do not block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from sys import _getframe
from typing import Any

from paramedic.model.event import Kind, State
from paramedic.model.operations import NUMBER
from paramedic.record.asyncio_futures import Failures
from paramedic.record.frames import PARAMIKO
from paramedic.record.hand_overs import DONE, SUBMITTED
from paramedic.record.patches import Target
from paramedic.record.probe import Probes, describe, milliseconds

_ALWAYS = PARAMIKO + 1


def thread_pools(probes: Probes, module: Any, failures: Failures) -> Iterator[Target]:
    """The probes of the results that such a pool gives.

    Threads: the thread that starts a recording, or that imports the module.
    """
    row, id_of, trouble = probes.row, probes.id_of, probes.trouble
    post, take, state = int(Kind.POST), int(Kind.TAKE), int(Kind.STATE)
    asked_op = NUMBER["Future.result"]
    probes.classes[module.ApplyResult] = NUMBER["Future.__init__"]

    def submitted(result: Any, pool: Any) -> None:
        try:
            if isinstance(pool, module.ThreadPool):
                row(post, 0, id_of(result), probes.stacks.of(_getframe(2)), SUBMITTED, id_of(pool._inqueue))
        except Exception as e:
            trouble("ThreadPool", e)

    def ends(result: Any, told: Any) -> None:
        try:
            if result._paramedic_id_ and getattr(result, "_number_left", 1) == 1:
                # a map fails with its first exception, whatever comes last
                failed = None if told[0] else told[1]
                if not getattr(result, "_success", True):
                    failed = result._value
                if failed is not None and not result._error_callback:
                    words = describe(failed)
                    row(state, int(State.FAILED), id_of(result), 0, 0, probes.writer.text(words))
                    failures.add(failed, id_of(result), words)
                row(post, 0, id_of(result), 0, DONE, 0)
        except Exception as e:
            trouble("ThreadPool", e)

    def asks(result: Any) -> Any:
        return result if result._paramedic_id_ else None

    def told(result: Any, value: Any) -> Any:
        try:
            row(take, asked_op, id_of(result), 0, DONE, 0)
        except Exception as e:
            trouble("ThreadPool", e)
        return value

    def raised(result: Any, error: BaseException) -> None:
        if result._event._flag:
            told(result, None)

    begin, end, fail = probes.call(NUMBER["Future.wait"], None, lambda _, t: (milliseconds(t), 0), _ALWAYS)

    def waits(result: Any, timeout: Any) -> Any:
        return begin(result, timeout) if result._paramedic_id_ and not result._event._flag else None

    wait: tuple[Callable[..., Any], Callable[[Any, Any], Any], Callable[[Any, BaseException], None]] = waits, end, fail
    yield Target(module.ApplyResult, "__init__", submitted, parameters=("pool",))
    yield Target(module.ApplyResult, "wait", *wait, ("timeout",))
    yield Target(module.ApplyResult, "get", asks, told, raised)
    yield Target(module.ApplyResult, "successful", asks, told)
    yield Target(module.ApplyResult, "_set", ends, parameters=("obj",))
    yield Target(module.MapResult, "_set", ends, parameters=("success_result",))
