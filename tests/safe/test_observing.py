"""What pools tell about commands."""

from __future__ import annotations

import logging
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from paramedic.safe import (
    ClientPool,
    CommandEnded,
    ConnectFailed,
    Ending,
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


def test_what_the_program_cancels_is_no_failure_and_what_never_ran_took_no_time(
    host: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client = pytest.importorskip("prometheus_client")
    registry = client.CollectorRegistry()
    seen: list[CommandEnded] = []
    stops = [observe(seen.append), observe(prometheus_observer(registry, by_host=False))]
    try:
        with caplog.at_level(logging.DEBUG, "paramedic.safe.commands"), host.pool(connections=1, sessions=1) as pool:
            with pool.stream("echo; sleep 60.5") as running:
                assert running.read() is not None
                queued = pool.submit("true")
                queued.cancel()
            assert running.future.ending(60) is not Ending.NOT_STARTED
            assert queued.ending(60) is Ending.NOT_STARTED
    finally:
        for stop in stops:
            stop()
    assert [ended.outcome for ended in seen] == ["cancelled", "cancelled"]
    assert [ended.error for ended in seen] == [None, None]
    assert [r.ssh_outcome for r in caplog.records if hasattr(r, "ssh_outcome")] == ["cancelled", "cancelled"]
    assert registry.get_sample_value("paramedic_commands_total", {"host": "", "outcome": "cancelled"}) == 2
    assert registry.get_sample_value("paramedic_command_seconds_count", {"host": ""}) == 1


def test_the_page_names_what_there_is(host: Any, caplog: pytest.LogCaptureFixture) -> None:
    client = pytest.importorskip("prometheus_client")
    pytest.importorskip("opentelemetry.sdk")
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    registry, exporter, provider = client.CollectorRegistry(), InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    stops = [observe(prometheus_observer(registry)), observe(opentelemetry_observer(provider.get_tracer("test")))]
    try:
        with caplog.at_level(logging.DEBUG, "paramedic.safe.commands"), host.pool() as pool:
            pool.run("exit 3")
            pool.run("kill -9 $$")
    finally:
        for stop in stops:
            stop()
    names = {metric.name + ("_total" if metric.type == "counter" else "") for metric in registry.collect()}
    names |= {name for span in exporter.get_finished_spans() for name in (span.name, *(span.attributes or ()))}
    names |= {name for record in caplog.records for name in vars(record) if name.startswith("ssh_")}
    page = (Path(__file__).parents[2] / "docs/how-to/safe.md").read_text("utf-8")
    (table,) = re.findall(r"\| Prometheus \|.*?\n\n", page, re.DOTALL)
    named = set(re.findall(r"`([a-z_.]+)`", table)) - {"host", "outcome"}
    assert named == names
