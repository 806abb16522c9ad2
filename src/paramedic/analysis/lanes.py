"""From events to the bars of a picture, never more of them than can be drawn.

Bars that are short and close together are drawn as one when there are too many; how short is doubled until they fit. So
memory is bounded by what is drawn, not by what was recorded.

Threads: one thread; nothing here blocks.
"""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.analysis.run import RunFacts
from paramedic.model.event import Event, Kind
from paramedic.model.lanes import Bar, Lane, Lanes

MOST_BARS = 6000
MOST_LANES = 300
_COARSEST = 200
"""At the latest when a bar is this part of the whole it is long enough to stand alone."""
_FINEST = 4000
_KINDS = {"Thread": "wait", "Event": "wait", "Condition": "wait", "Semaphore": "wait", "Barrier": "wait",
          "Queue": "wait", "SimpleQueue": "wait", "Future": "wait", "Executor": "wait"}  # fmt: skip
_NOT_DRAWN = frozenset({"Transport.run", "Loop.run_forever", "Transport.send_in_kex"})

_CALL, _RETURN, _RAISE, _WAIT, _GOT, _GAVE_UP = (
    int(kind) for kind in (Kind.CALL, Kind.RETURN, Kind.RAISE, Kind.WAIT, Kind.GOT, Kind.GAVE_UP)
)

_Key = tuple[int, int]


class Drawing:
    """The picture of one recording, of all its processes."""

    def __init__(self, most_bars: int = MOST_BARS) -> None:
        """Nothing is drawn yet.

        Args:
            most_bars: about how many bars there may be in the end.
        """
        self._most = most_bars
        self._thinned_from = 2 * most_bars
        self._bars: dict[_Key, dict[int, list[Bar]]] = {}
        self._total = self._calls = self._events = 0
        self._quantum_ns = 0
        self._first_ns = self._last_ns = 0
        self._names: dict[_Key, tuple[str, int, int]] = {}

    def add(self, facts: RunFacts, events: Iterable[Event], ended_ns: int = 0) -> None:
        """One process.

        Args:
            facts: of the process, before its first event; they are fed here.
            events: in the order of time.
            ended_ns: when it had ended; 0: with its last event.
        """
        calls: dict[int, list[tuple[Event, str]]] = {}
        waits: dict[int, tuple[Event, str]] = {}
        process = facts.process
        for event in events:
            facts.feed(event)
            kind, thread = event.kind, event.thread
            self._events += 1
            if kind == _CALL:
                calls.setdefault(thread, []).append((event, facts.operation(event.op)))
            elif kind == _RETURN or kind == _RAISE:
                stack, name = calls.get(thread, []), facts.operation(event.op)
                while stack:
                    begun, called = stack.pop()
                    if called == name and begun.obj == event.obj:
                        error = facts.world.text(event.b) or "exception" if kind == _RAISE else ""
                        self._call(facts, begun, called, len(stack), event.t_ns, error)
                        break
            elif kind == _WAIT:
                waits[thread] = event, facts.world.name(event.obj)
            elif (kind == _GOT or kind == _GAVE_UP) and thread in waits:
                begun, name = waits.pop(thread)
                depth = len(calls.get(thread, ()))
                self._bar(facts, begun, Bar(begun.t_ns, event.t_ns, "lock", f"waited for {name}", depth))
        end_ns = max(facts.last_ns, ended_ns)
        for stack in calls.values():
            for depth, (begun, called) in enumerate(stack):
                self._call(facts, begun, called, depth, end_ns, still_open=True)
        for thread, (begun, name) in waits.items():
            depth = len(calls.get(thread, ()))
            self._bar(facts, begun, Bar(begun.t_ns, end_ns, "lock", f"waits for {name}", depth, still_open=True))
        self._first_ns = min(self._first_ns or facts.first_ns, facts.first_ns or self._first_ns)
        self._last_ns = max(self._last_ns, end_ns)
        for number, known in facts.world.threads.items():
            self._names[process, number] = (facts.world.thread_name(number), known.begun_ns, known.ended_ns)

    def _call(
        self, facts: RunFacts, begun: Event, called: str, depth: int, end_ns: int, error: str = "",
        still_open: bool = False,
    ) -> None:  # fmt: skip
        if called in _NOT_DRAWN:
            return
        owner, _, method = called.partition(".")
        kind = _KINDS.get(owner, "call")
        what = f"{method}()"
        if begun.obj and not called.startswith("Thread."):
            what += f" on {facts.world.name(begun.obj)}"
        elif called == "Thread.join":
            what += f" of {facts.world.thread_name(begun.b)}"
        bar = Bar(begun.t_ns, end_ns, kind, what, depth, error=error, still_open=still_open)
        self._bar(facts, begun, bar)

    def _bar(self, facts: RunFacts, begun: Event, bar: Bar) -> None:
        site = facts.world.site(begun.site)
        bar.site = f"{site.file}:{site.line}" if site is not None else ""
        self._bars.setdefault((facts.process, begun.thread), {}).setdefault(bar.depth, []).append(bar)
        self._total += 1
        self._calls += 1
        if self._total > self._thinned_from:
            self._thin(bar.end_ns)
            # more may have to stay, of hundreds of threads: then it pays only when as many again have come
            self._thinned_from = 2 * max(self._most, self._total)

    def _thin(self, now_ns: int) -> None:
        """Draw short neighbours as one until about as many are left as there may be."""
        span = max(
            now_ns - min((row[0].begin_ns for lane in self._bars.values() for row in lane.values()), default=0), 1
        )
        self._quantum_ns = max(self._quantum_ns, span // _FINEST)
        while True:
            for lane in self._bars.values():
                for depth, row in lane.items():
                    lane[depth] = _merged(row, self._quantum_ns)
            self._total = sum(len(row) for lane in self._bars.values() for row in lane.values())
            if self._total <= self._most or self._quantum_ns > span // _COARSEST:
                return
            self._quantum_ns *= 2

    def lanes(self) -> Lanes:
        """What there is to draw."""
        if self._total > self._most:
            self._thin(self._last_ns)
        busiest = sorted(self._bars, key=lambda key: -sum(b.count for row in self._bars[key].values() for b in row))
        drawn = sorted(busiest[:MOST_LANES])
        lanes = []
        for process, thread in drawn:
            name, begun_ns, ended_ns = self._names.get((process, thread), (f"thread-{thread}", 0, 0))
            bars = sorted(
                (bar for row in self._bars[process, thread].values() for bar in row), key=lambda b: b.begin_ns
            )
            lanes.append(
                Lane(
                    process=process, thread=thread, name=name, bars=tuple(bars[: self._most]), begun_ns=begun_ns,
                    ended_ns=ended_ns,
                )
            )  # fmt: skip
        return Lanes(
            lanes=tuple(lanes), first_ns=self._first_ns, last_ns=max(self._last_ns, self._first_ns + 1),
            calls=self._calls, merged_below_ns=self._quantum_ns, left_out=len(busiest) - len(drawn),
            events=self._events,
        )  # fmt: skip


def _merged(row: list[Bar], quantum_ns: int) -> list[Bar]:
    kept: list[Bar] = []
    for bar in row:
        last = kept[-1] if kept else None
        if (
            last is not None
            and not (bar.error or last.error or bar.still_open)
            and bar.kind == last.kind
            and bar.end_ns - bar.begin_ns < quantum_ns
            and (last.count > 1 or last.end_ns - last.begin_ns < quantum_ns)
            and bar.begin_ns - last.end_ns < quantum_ns
        ):
            if bar.count > last.count:
                last.what, last.site = bar.what, bar.site
            last.end_ns = max(last.end_ns, bar.end_ns)
            last.count += bar.count
        else:
            kept.append(bar)
    return kept
