"""What pools tell about each command that ends: to the log, to OpenTelemetry, to Prometheus, to whoever asks.

    stop = observe(prometheus_observer())

Command texts and outputs are told to observers of the caller's own; the two made here, and the log, leave them out:
they may contain secrets.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from paramedic.safe.crew import Crew
from paramedic.safe.errors import SafeError
from paramedic.safe.result import CommandResult, Ending

_LOG = logging.getLogger("paramedic.safe.commands")
_LOCK = threading.Lock()
_observers: tuple[Callable[[CommandEnded], None], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandEnded:
    """One command that ended.

    Threads: a value; share it freely.
    """

    host: str
    result: CommandResult
    error: SafeError | None
    ended_at: float
    """``time.time()``."""
    cancelled: bool = False
    """Whether the program cancelled it; ``result.ending`` says what became of its process."""

    @property
    def outcome(self) -> str:
        """ "ok", "failed" (another status than 0, or a signal), "cancelled", or the name of the error's type."""
        if self.cancelled:
            return "cancelled"
        if self.error is not None:
            return type(self.error).__name__
        return "ok" if self.result.ok else "failed"


Observer = Callable[[CommandEnded], None]


def observe(observer: Observer) -> Callable[[], None]:
    """Has ``observer`` called for every command of every pool of this process that ends.

    Args:
        observer: called on a pool's callback thread, in the order in which the pool's commands end, and in a copy of
            the :mod:`contextvars` context in which the command was asked for; exceptions in it are logged.

    Returns:
        A function that ends this.

    Threads: any thread; it does not block.
    """
    global _observers
    with _LOCK:
        _observers = (*_observers, observer)

    def stop() -> None:
        global _observers
        with _LOCK:
            _observers = tuple(other for other in _observers if other is not observer)

    return stop


def tell(
    crew: Crew,
    host: str,
    result: CommandResult,
    said: CommandResult | SafeError,
    context: contextvars.Context,
    *,
    cancelled: bool = False,
) -> None:
    """Tells the log and the observers; costs next to nothing when nobody listens.

    Args:
        crew: whose callback thread calls the observers.
        host: the command's host.
        result: what is known of its end.
        said: what its caller gets: the result, or an error instead.
        context: of whoever asked for the command; observers are called in it.
        cancelled: whether its caller gets nothing of it.

    Threads: any thread, readers included; it does not block.
    """
    listening = _observers
    debug = _LOG.isEnabledFor(logging.DEBUG)
    if not listening and not debug:
        return
    error = said if isinstance(said, SafeError) and not cancelled else None
    ended = CommandEnded(host=host, result=result, error=error, ended_at=time.time(), cancelled=cancelled)
    if debug:
        _LOG.debug(
            "%s: a command ended after %.3f s",
            host,
            result.duration_s,
            extra={
                "ssh_host": host,
                "ssh_outcome": ended.outcome,
                "ssh_exit_status": result.exit_status,
                "ssh_signal": result.signal,
                "ssh_ending": result.ending.value,
                "ssh_duration_s": result.duration_s,
                "ssh_queue_s": result.queue_s,
                "ssh_attempts": result.attempts,
                "ssh_error": type(error).__name__ if error is not None else None,
            },
        )
    if not listening:
        return

    def call() -> None:
        for observer in listening:
            try:
                context.run(observer, ended)
            except Exception:
                _LOG.exception("an observer failed")

    crew.deliver(call)


def prometheus_observer(registry: Any = None, *, by_host: bool = True) -> Observer:
    """An observer that counts commands by outcome, and measures how long they ran and waited.

    Args:
        registry: a ``prometheus_client.CollectorRegistry``; by default the global one.
        by_host: count each host apart, which makes some forty time series for each. Without it, "host" is "".

    Raises:
        ImportError: prometheus_client is not installed.
        ValueError: the registry has these metrics already: one observer serves all pools.

    Threads: any thread; it does not block.
    """
    from prometheus_client import REGISTRY, Counter, Histogram

    where = REGISTRY if registry is None else registry
    count = Counter("paramedic_commands", "Commands that ended", ["host", "outcome"], registry=where)
    ran = Histogram("paramedic_command_seconds", "How long commands ran", ["host"], registry=where)
    waited = Histogram("paramedic_queue_seconds", "How long commands waited to be sent", ["host"], registry=where)

    def observer(ended: CommandEnded) -> None:
        host = ended.host if by_host else ""
        count.labels(host, ended.outcome).inc()
        waited.labels(host).observe(ended.result.queue_s)
        if ended.result.ending is not Ending.NOT_STARTED:  # or many a refused connection would look like quick commands
            ran.labels(host).observe(ended.result.duration_s)

    return observer


def opentelemetry_observer(tracer: Any = None) -> Observer:
    """An observer that makes one span per command, from when it was sent to its end.

    It is a child of the span that was current where the command was asked for.

    Args:
        tracer: an OpenTelemetry tracer; by default the global provider's.

    Raises:
        ImportError: opentelemetry-api is not installed.

    Threads: any thread; it does not block.
    """
    from opentelemetry import trace

    made = trace.get_tracer("paramedic.safe") if tracer is None else tracer

    def observer(ended: CommandEnded) -> None:
        begun_ns = int((ended.ended_at - ended.result.duration_s) * 1e9)
        span = made.start_span("ssh.command", kind=trace.SpanKind.CLIENT, start_time=begun_ns)
        span.set_attribute("server.address", ended.host)
        span.set_attribute("ssh.outcome", ended.outcome)
        span.set_attribute("ssh.ending", ended.result.ending.value)
        span.set_attribute("ssh.attempts", ended.result.attempts)
        span.set_attribute("ssh.queue_s", ended.result.queue_s)
        if ended.result.exit_status is not None:
            span.set_attribute("process.exit.code", ended.result.exit_status)
        if ended.result.signal is not None:
            span.set_attribute("ssh.signal", ended.result.signal)
        if ended.outcome != "ok":
            span.set_status(trace.StatusCode.ERROR, ended.outcome)
        span.end(end_time=int(ended.ended_at * 1e9))

    return observer
