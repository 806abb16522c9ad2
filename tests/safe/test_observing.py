"""What pools tell about commands."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from paramedic.safe import (
    ClientPool,
    CommandEnded,
    ConnectFailed,
    Group,
    SafeError,
    observe,
    opentelemetry_observer,
    prometheus_observer,
)


def test_every_command_is_told_once_and_a_broken_observer_breaks_nothing(
    host: Any, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[CommandEnded] = []

    def broken(ended: CommandEnded) -> None:
        raise ZeroDivisionError

    stops = [observe(broken), observe(seen.append)]
    try:
        with caplog.at_level(logging.DEBUG, "paramedic.safe.commands"):
            with host.pool() as pool:
                pool.run("true")
                pool.run("exit 3")
                with pytest.raises(TimeoutError):
                    pool.run("sleep 55.5", timeout=0.3)
            with ClientPool("127.0.0.1", port=1) as pool, pytest.raises(ConnectFailed):
                pool.run("true")
    finally:
        for stop in stops:
            stop()
    assert [ended.outcome for ended in seen] == ["ok", "failed", "CommandTimeout", "ConnectFailed"]
    told = [record for record in caplog.records if hasattr(record, "ssh_host")]
    assert [record.ssh_exit_status for record in told] == [0, 3, None, None]  # type: ignore[attr-defined]
    assert "sleep" not in " ".join(record.getMessage() + str(vars(record)) for record in told), "no command texts"
    with host.pool() as pool:
        pool.run("true")
    assert len(seen) == 4


def test_prometheus_counts(host: Any) -> None:
    client = pytest.importorskip("prometheus_client")
    registry = client.CollectorRegistry()
    stop = observe(prometheus_observer(registry))
    try:
        with host.pool() as pool:
            list(pool.map(["true", "true", "exit 1"]))
    finally:
        stop()
    labels = {"host": host.server.host}
    assert registry.get_sample_value("paramedic_commands_total", {**labels, "outcome": "ok"}) == 2
    assert registry.get_sample_value("paramedic_commands_total", {**labels, "outcome": "failed"}) == 1
    assert registry.get_sample_value("paramedic_command_seconds_count", labels) == 3


def test_opentelemetry_makes_spans(host: Any) -> None:
    pytest.importorskip("opentelemetry.sdk")
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    stop = observe(opentelemetry_observer(provider.get_tracer("test")))
    try:
        with host.pool() as pool:
            pool.run("exit 2")
    finally:
        stop()
    (span,) = exporter.get_finished_spans()
    assert span.attributes is not None
    assert (span.name, span.attributes["process.exit.code"], span.attributes["ssh.outcome"]) == (
        "ssh.command",
        2,
        "failed",
    )


@pytest.mark.parametrize("way", ["run", "submit", "map", "group", "refused"])
def test_a_span_is_a_child_of_the_span_in_which_its_command_was_asked_for(host: Any, way: str) -> None:
    pytest.importorskip("opentelemetry.sdk")
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")

    def ask(pool: Any) -> None:
        if way == "run":
            pool.run("true")
        elif way == "submit":
            pool.submit("true").result()
        else:
            list(pool.map(["true"] * 3))

    def work(number: int) -> int:
        with tracer.start_as_current_span(f"caller {number}") as caller:
            if way == "group":
                with Group([host.server.host], **host.arguments()) as group:
                    group.run("true")
            elif way == "refused":
                with host.pool(port=1) as pool, pytest.raises(SafeError):
                    pool.run("true")
            else:
                ask(shared)
            return int(caller.get_span_context().span_id)

    stop = observe(opentelemetry_observer(tracer))
    try:
        with host.pool() as shared, ThreadPoolExecutor(2) as threads:
            callers = list(threads.map(work, range(2)))
    finally:
        stop()
    parents = [span.parent.span_id for span in exporter.get_finished_spans() if span.parent is not None]
    assert sorted(parents) == sorted(callers * (3 if way == "map" else 1))
