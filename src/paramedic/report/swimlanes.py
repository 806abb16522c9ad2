"""The lanes of a recording as HTML with SVG: laid out here, so that they can be seen without any script.

Places are per cents of the width; so the page is zoomed by making it wider.

Threads: pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from paramedic.model.finding import Finding, thread_of_process
from paramedic.model.lanes import Bar, Lane, Lanes
from paramedic.report.markup import attribute, escaped

ROW_PX = 16
BAR_PX = 12
MOST_ROWS = 4
TICKS = 8


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a finding stands in the picture.

    Attributes:
        number: of the finding.
        confidence: of the finding.
        at_ns: since the picture's left end.
        title: what it says.
    """

    number: int
    confidence: str
    at_ns: int
    title: str


def lanes_markup(lanes: Lanes, findings: Sequence[Finding]) -> str:
    """The whole picture."""
    several = len({lane.process for lane in lanes.lanes}) > 1
    marks = _marks(lanes, findings)
    rows = "".join(_lane(lane, lanes, marks.get((lane.process, lane.thread), ()), several) for lane in lanes.lanes)
    return f'<div class="lanes">{_axis(lanes)}{rows}</div>'


def span_of(finding: Finding, lanes: Lanes) -> tuple[float, float] | None:
    """From where to where a finding's steps are, as parts of the picture's width."""
    times = [step.at_s for step in finding.steps if step.at_s is not None]
    seconds = (lanes.last_ns - lanes.first_ns) / 1e9
    if not times or seconds <= 0:
        return None
    return max(min(times) / seconds, 0.0), min(max(times) / seconds, 1.0)


def _marks(lanes: Lanes, findings: Sequence[Finding]) -> dict[tuple[int, int], list[Mark]]:
    """By process and thread; steps of threads that are not drawn have no mark."""
    found: dict[tuple[int, int], list[Mark]] = {}
    named = NamedLanes(lanes.lanes)
    for number, finding in enumerate(findings, 1):
        for step in finding.steps:
            if step.at_s is None:
                continue
            lane = named.of(step.thread, finding.process)
            if lane is not None:
                mark = Mark(number, str(finding.confidence), round(step.at_s * 1e9), f"{step.thread} {step.what}")
                found.setdefault((lane.process, lane.thread), []).append(mark)
    return found


class NamedLanes:
    """Lanes by what findings' steps call their threads."""

    def __init__(self, lanes: Iterable[Lane]) -> None:
        self._named: dict[str, list[Lane]] = {}
        for lane in lanes:
            names = (thread_of_process(lane.name, lane.process, role) for role in ("", "the parent", "the child"))
            for name in (lane.name, *names):
                self._named.setdefault(name, []).append(lane)

    def of(self, thread: str, process: int | None) -> Lane | None:
        """The lane of the thread that a finding's step names; None if it is not drawn."""
        named = self._named.get(thread, [])
        return next((lane for lane in named if lane.process == process), named[0] if named else None)


def _axis(lanes: Lanes) -> str:
    seconds = (lanes.last_ns - lanes.first_ns) / 1e9
    drawn = ""
    for n in range(TICKS):
        place = f"{n * 100 / TICKS:g}%"
        drawn += f'<line class="tick" x1="{place}" x2="{place}" y1="0" y2="100%"/>'
        drawn += f'<text x="{place}" y="14" dx="3">+{seconds * n / TICKS:.3g} s</text>'
    return (
        f'<div class="lane axis"><div class="label">seconds since the beginning</div>'
        f'<svg height="20" data-seconds="{seconds:.9f}">{drawn}</svg></div>'
    )


def _lane(lane: Lane, lanes: Lanes, marks: Sequence[Mark], several: bool) -> str:
    rows = min(max((bar.depth for bar in lane.bars), default=0) + 1, MOST_ROWS)
    height = rows * ROW_PX + (ROW_PX if marks else 4)
    top = ROW_PX if marks else 2
    name = f"{lane.process}: {lane.name}" if several else lane.name
    life = _rect(lane.begun_ns or lanes.first_ns, lane.ended_ns or lanes.last_ns, lanes, 0, height, "life", "")
    bars = "".join(_bar(bar, lanes, top) for bar in lane.bars)
    return (
        f'<div class="lane"><div class="label" title="{attribute(name)}">{escaped(name)}</div>'
        f'<svg height="{height}" role="img" aria-label="{attribute(name)}">{life}{bars}'
        f"{''.join(_mark(mark, lanes, height) for mark in marks)}</svg></div>"
    )


def _bar(bar: Bar, lanes: Lanes, top: int) -> str:
    classes = bar.kind + (" many" if bar.count > 1 else "") + (" error" if bar.error else "")
    classes += " open" if bar.still_open else ""
    lasted = f"{(bar.end_ns - bar.begin_ns) / 1e6:,.1f} ms" + (", not ended" if bar.still_open else "")
    words = f"{bar.what}: {lasted}"
    if bar.count > 1:
        words = f"{bar.count} calls in {lasted}, most of them {bar.what}"
    if bar.error:
        words += f", raised {bar.error}"
    if bar.site:
        words += f" ({bar.site})"
    y = top + min(bar.depth, MOST_ROWS - 1) * ROW_PX
    return _rect(bar.begin_ns, bar.end_ns, lanes, y, BAR_PX, classes, words)


def _rect(begin_ns: int, end_ns: int, lanes: Lanes, y: int, height: int, classes: str, title: str) -> str:
    x = _percent(begin_ns - lanes.first_ns, lanes)
    width = max(_percent(end_ns - lanes.first_ns, lanes) - x, 0.0005)
    words = f"<title>{escaped(title)}</title>" if title else ""
    return f'<rect class="{classes}" x="{x:.5f}%" y="{y}" width="{width:.5f}%" height="{height}">{words}</rect>'


def _mark(mark: Mark, lanes: Lanes, height: int) -> str:
    x = f"{_percent(mark.at_ns, lanes):.5f}%"
    return (
        f'<a class="{mark.confidence}" data-confidence="{mark.confidence}" href="#finding-{mark.number}">'
        f"<title>finding {mark.number}: {escaped(mark.title)}</title>"
        f'<line class="mark" x1="{x}" x2="{x}" y1="0" y2="{height}"/>'
        f'<circle class="mark" cx="{x}" cy="7" r="7"/>'
        f'<text x="{x}" y="11" text-anchor="middle">{mark.number}</text></a>'
    )


def _percent(since_ns: int, lanes: Lanes) -> float:
    return min(max(100 * since_ns / (lanes.last_ns - lanes.first_ns), 0.0), 100.0)
