"""A log as a picture in the terminal: one lane for each thread, time going down; and the overview above it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from paramedic.logs.facts import LogFacts, TransportFacts
from paramedic.logs.phrases import Kind
from paramedic.logs.rows import Row
from paramedic.report.escaping import printable
from paramedic.report.layout import EMPTY, Line, Span, line

LANE_COLUMNS = 18
"""Narrowest lane in which something can be read."""
GAP_S = 1.0
"""Silences from here on are drawn."""
SHOWN_TRANSPORTS = 12

_STYLES = {
    Kind.CHANNEL_REFUSED: "observed",
    Kind.EXCEPTION: "observed",
    Kind.SOCKET_ERROR: "observed",
    Kind.DISCONNECT: "observed",
    Kind.PACKET_DROPPED: "observed",
    Kind.UNIMPLEMENTED: "possible",
    Kind.DEAD_CHANNEL: "possible",
    Kind.TRANSPORT_EOF: "possible",
    Kind.TRANSPORT_START: "advice",
    Kind.SFTP_CALL: "source",
}


def timeline_lines(rows: Sequence[Row], *, width: int = 100, cut: int = 0) -> list[Line]:
    """The rows, one lane for each thread.

    The busiest threads get a lane of their own, in the order in which they appear; the others share the last one.

    Args:
        rows: in the order of the log.
        width: columns.
        cut: how many further rows were left out; said below.

    Threads: pure.
    """
    if not rows:
        return [line("No line of Paramiko's is in that part of the log.")]
    keys = [(r.process, r.thread) for r in rows]
    clock = any(r.at_s is not None for r in rows)
    margin = 9 + (14 if clock else 0)
    most = max((width - margin) // (LANE_COLUMNS + 1), 1)
    busy = [key for key, _ in Counter(keys).most_common(most)]
    together = len(set(keys)) > most
    if together:
        busy = busy[: most - 1]
    lanes = [key for key in dict.fromkeys(keys) if key in busy]
    names = [_lane_name(key, rows) for key in lanes] + (["other threads"] if together else [])
    columns = max((width - margin) // max(len(names), 1) - 1, LANE_COLUMNS)
    head = "line".rjust(8) + " " + ("time".ljust(14) if clock else "")
    drawn: list[Line] = [
        line(Span(head, "dim"), Span(" ".join(_fit(name, columns) for name in names), "thread")),
    ]
    before: float | None = None
    for row, key in zip(rows, keys, strict=True):
        if row.at_s is not None and before is not None and row.at_s - before >= GAP_S:
            drawn.append(line(Span(" " * margin + f"··· {row.at_s - before:.1f} s ···", "dim")))
        before = row.at_s if row.at_s is not None else before
        place = lanes.index(key) if key in lanes else len(lanes)
        shared = place == len(lanes)
        text = (f"[{row.thread}] " if shared else "") + said(row)
        left = str(row.number).rjust(8) + " " + (_time(row.at_s).ljust(14) if clock else "")
        bars = "".join(_fit("│", columns) + " " for _ in range(place))
        rest = "".join(" " + _fit("│", columns) for _ in range(len(names) - place - 1))
        # A text may run into the lanes on its right where nothing happens at that moment.
        room = columns + len(rest)
        body = text[:room]
        drawn.append(
            line(
                Span(left, "dim"),
                Span(bars, "dim"),
                Span(body, _STYLES.get(row.kind, "")),
                Span((" " * max(columns - len(body), 0) + rest)[max(len(body) - columns, 0) :].rstrip(), "dim"),
            )
        )
    if cut:
        drawn += [EMPTY, line(Span(f"{cut} more rows; narrow them with --channel, --thread, --from, --to", "dim"))]
    return drawn


def said(row: Row) -> str:
    """A row's message in few words.

    Threads: pure.
    """
    channel = f"chan {row.channel} " if row.channel else ""
    match row.kind:
        case Kind.CHANNEL_OPENING:
            short = "open?"
        case Kind.CHANNEL_CONFIRMED:
            short = "open!"
        case Kind.REQUEST_OK:
            short = "request ok"
        case Kind.EOF_SENT:
            short = "EOF →"
        case Kind.EOF_RECEIVED:
            short = "EOF ←"
        case Kind.CHANNEL_REFUSED:
            short = "REFUSED " + row.text.partition("FAILED: ")[2]
        case Kind.PACKET_DROPPED:
            short = "packet dropped: dead"
        case Kind.TRANSPORT_START:
            short = "transport starts" + row.text.rpartition(":")[2]
        case Kind.KEX_START:
            short = "key exchange"
        case Kind.KEX_END:
            short = "new keys"
        case _:
            short = row.text
    return printable(channel + short)


def overview_lines(runs: Sequence[LogFacts], source: dict[str, object]) -> list[Line]:
    """What a log holds: how much, which transports, who opened how many channels, how each ended.

    Threads: pure.
    """
    drawn: list[Line] = [
        line(
            Span(
                f"{source.get('messages')} of {source.get('lines')} lines are Paramiko's: "
                + ", ".join(
                    f"{source.get(what)} {what if source.get(what) != 1 else what[:-1]}"
                    for what in ("transports", "threads", "runs")
                    if what != "runs" or source.get(what) != 1
                ),
                "label",
            )
        )
    ]
    transports = [(facts, t) for facts in runs for t in facts.transports]
    for facts, transport in transports[:SHOWN_TRANSPORTS]:
        drawn.append(line("  ", Span(printable(transport.name), "name"), *_life(facts, transport)))
        if transport.silence is not None:
            quiet, first, last = transport.silence
            drawn.append(line(f"    no line of its thread for {quiet:.0f} s (lines {first.number} to {last.number})"))
    if len(transports) > SHOWN_TRANSPORTS:
        drawn.append(line(f"  and {len(transports) - SHOWN_TRANSPORTS} more"))
    others = source.get("other_loggers")
    if isinstance(others, dict) and others:
        names = ", ".join(f"{printable(str(n))} ({c})" for n, c in list(others.items())[:5])
        drawn.append(line(Span(f"  other loggers' lines, left out: {names}", "dim")))
    return drawn


_ENDS = {
    "eof": "ended",
    "socket": "lost",
    "exception": "died",
    "unknown-exception": "died",
    "disconnect": "disconnected by the peer",
    "unknown-channel": "ended by a message for an unknown channel",
}


def _life(facts: LogFacts, transport: TransportFacts) -> tuple[str, ...]:
    words = f": {transport.channels} channel{'' if transport.channels == 1 else 's'}" + (
        f", up to {transport.most_live} at once" if transport.most_live > 1 else ""
    )
    if transport.opener:
        words += f", logged in by {printable(transport.opener)}"
    if transport.authenticated is None:
        words += ", no login seen"
    ending = transport.ending
    if ending.how:
        words += f", {_ENDS[ending.how]}"
        words += f" ({printable(ending.text[:60])})" if ending.text else ""
        words += f" in line {ending.line.number}" if ending.line is not None else ""
    elif transport.last is not None:
        words += f", last heard of in line {transport.last.number}"
    return (words,)


def _lane_name(key: tuple[int | None, str], rows: Sequence[Row]) -> str:
    process, thread = key
    transport = any(r.kind is Kind.TRANSPORT_START and (r.process, r.thread) == key for r in rows)
    name = printable(thread) or "(unnamed)"
    return (f"{process}:" if process is not None else "") + name + (" (transport)" if transport else "")


def _time(at_s: float | None) -> str:
    if at_s is None:
        return ""
    return datetime.fromtimestamp(at_s, UTC).strftime("%H:%M:%S.%f")[:12]


def _fit(text: str, columns: int) -> str:
    return text[:columns].ljust(columns)
