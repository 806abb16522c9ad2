"""The recording as a Chrome trace (JSON), which https://ui.perfetto.dev and chrome://tracing show.

A bar is a complete event, a step of a finding an instant, and the steps of one finding are tied together by a flow.

Threads: pure.
"""

from __future__ import annotations

import json
from typing import Any

from paramedic.model.finding import Finding
from paramedic.model.lanes import Bar, Lane, Lanes
from paramedic.model.report import Report
from paramedic.report.swimlanes import NamedLanes

MOST_BARS = 500_000
"""Beyond that short neighbours are one event: browsers take no more."""


def report_as_perfetto(report: Report, lanes: Lanes | None) -> str:
    """One trace, ASCII only, with a line end.

    Args:
        report: what was found.
        lanes: what the threads did; None where there is no recording.
    """
    events: list[dict[str, Any]] = []
    if lanes is not None:
        for lane in lanes.lanes:
            events.append(_named(lane))
            events += (_bar(bar, lane, lanes) for bar in lane.bars)
        named = NamedLanes(lanes.lanes)
        for number, finding in enumerate(report.findings, 1):
            events += _finding(number, finding, named)
    other = {
        "findings": len(report.findings),
        "merged_below_ms": lanes.merged_below_ns / 1e6 if lanes is not None else 0.0,
        "threads_left_out": lanes.left_out if lanes is not None else 0,
        "gaps": [gap.detail or gap.reason for gap in report.gaps],
    }
    return json.dumps({"traceEvents": events, "displayTimeUnit": "ms", "otherData": other}) + "\n"


def _named(lane: Lane) -> dict[str, Any]:
    return {
        "name": "thread_name", "ph": "M", "pid": lane.process, "tid": lane.thread, "args": {"name": lane.name},
    }  # fmt: skip


def _bar(bar: Bar, lane: Lane, lanes: Lanes) -> dict[str, Any]:
    arguments: dict[str, Any] = {"site": bar.site} if bar.site else {}
    if bar.count > 1:
        arguments["calls"] = bar.count
    if bar.error:
        arguments["raised"] = bar.error
    if bar.still_open:
        arguments["ended"] = "no"
    return {
        "name": bar.what, "cat": bar.kind, "ph": "X", "pid": lane.process, "tid": lane.thread,
        "ts": (bar.begin_ns - lanes.first_ns) / 1e3, "dur": (bar.end_ns - bar.begin_ns) / 1e3, "args": arguments,
    }  # fmt: skip


def _finding(number: int, finding: Finding, lanes: NamedLanes) -> list[dict[str, Any]]:
    places = [(step, lanes.of(step.thread, finding.process)) for step in finding.steps]
    placed = [(step, lane) for step, lane in places if lane is not None and step.at_s is not None]
    events: list[dict[str, Any]] = []
    for position, (step, lane) in enumerate(placed):
        common = {"cat": "finding", "pid": lane.process, "tid": lane.thread, "ts": (step.at_s or 0.0) * 1e6}
        words = {"message": finding.message, "step": step.what, "confidence": str(finding.confidence)}
        words |= {"site": str(step.site)} if step.site is not None else {}
        events.append(common | {"name": f"{finding.code} {finding.hazard}", "ph": "i", "s": "t", "args": words})
        if len(placed) > 1:
            phase = "s" if position == 0 else "f" if position == len(placed) - 1 else "t"
            events.append(common | {"name": finding.hazard, "ph": phase, "id": number, "bp": "e"})
    return events
