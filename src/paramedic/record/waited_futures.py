"""`concurrent.futures.wait` and `as_completed`: which thread waits for which future.

Both wait for an event of their own, which the standard library makes and nobody else sees. It is given a class of
ours, whose wait() says what is waited for.

Threads: the probes run in any thread of the program's and do not block, but for the wait itself.
"""

from __future__ import annotations

from typing import Any

from paramedic.model.operations import NUMBER
from paramedic.record.frames import PARAMIKO
from paramedic.record.patches import Target
from paramedic.record.probe import Probes, milliseconds


def waiters(base: Any, threading: Any, probes: Probes) -> Target:
    """The probe of the one place that makes what both of them wait on.

    Threads: the thread that starts a recording.
    """
    begin, end, fail = probes.call(NUMBER["Future.wait"], None, lambda _, t: (milliseconds(t), 0), PARAMIKO + 1)
    plain: Any = threading.Event.wait

    class WaitedEvent(threading.Event):  # type: ignore[misc]
        """The event of one wait() or as_completed()."""

        def wait(self, timeout: Any = None) -> Any:
            """As of an event.

            Threads: any; blocks as the original does.
            """
            future = _last_to_end(self.futures, self.any_will_do)
            token = begin(future, timeout) if future is not None else None
            try:
                result = plain(self, timeout)
            except BaseException as e:
                if token is not None:
                    fail(token, e)
                raise
            return result if token is None else end(token, result)

    def asked(futures: Any, return_when: Any) -> Any:
        return futures, return_when != base.ALL_COMPLETED

    def made(token: Any, waiter: Any) -> Any:
        try:
            event = waiter.event
            if type(event) is threading.Event:
                # the set is the caller's own, which forgets futures as it yields them: so do we
                event.futures, event.any_will_do = token
                event.__class__ = WaitedEvent
        except Exception as e:
            probes.trouble("futures.wait", e)
        return waiter

    return Target(base, "_create_and_install_waiters", asked, made, parameters=("return_when",))


def _last_to_end(futures: Any, any_will_do: bool) -> Any:
    """The future that stands for those that are waited for: where one is enough one that runs, else one that does
    not."""
    running = waiting = None
    for future in list(futures):
        state = future._state
        if state == "RUNNING":
            running = future
        elif state == "PENDING" and (waiting is None or future._paramedic_id_ > waiting._paramedic_id_):
            waiting = future
    first, second = (running, waiting) if any_will_do else (waiting, running)
    return second if first is None else first
