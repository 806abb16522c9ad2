"""The end of a report: a table of what was found, what was not seen, and how to see it again."""

from __future__ import annotations

from collections.abc import Sequence

from paramedic.model.finding import Confidence
from paramedic.model.report import Report
from paramedic.report.escaping import printable
from paramedic.report.excerpt import shown_path
from paramedic.report.layout import EMPTY, Line, Span, labelled, line, wrapped


def summary(report: Report, *, width: int, warnings: Sequence[str] = (), again: str = "") -> list[Line]:
    """The closing lines; the last one always says how many findings were suppressed.

    Args:
        report: what was found.
        width: columns.
        warnings: sentences about the user's own settings and suppressions.
        again: a command that shows this report again; "" where there is none.

    Threads: pure but for asking for the current folder.
    """
    told: list[Line] = []
    if report.findings:
        told += _table(report)
        told.append(EMPTY)
    for unseen in not_seen(report):
        told += labelled("Not seen", unseen, width, indent=0, column=12)
    for warning in warnings:
        told += labelled("Note", warning, width, indent=0, column=12)
    told += [line(Span(x, "message")) for x in wrapped(_counted(report), width)]
    if again:
        told.append(line(Span("Again: ", "label"), printable(again)))
    told.append(line(_suppressed(len(report.suppressed))))
    return told


_MOST_ALIKE = 5
"""So many gaps of one kind are told one by one; of more, as of a folder of damaged recordings, the first three are."""


def not_seen(report: Report) -> list[str]:
    """A sentence for each gap, and one for the rest where many are of one kind.

    Threads: pure.
    """
    alike: dict[str, list[str]] = {}
    for gap in report.gaps:
        times = f" ({gap.count} times)" if gap.count > 1 else ""
        alike.setdefault(gap.reason, []).append(f"{gap.detail or gap.reason}{times}")
    told: list[str] = []
    for reason, sentences in alike.items():
        if len(sentences) <= _MOST_ALIKE:
            told += sentences
        else:
            rest = len(sentences) - 3
            told += [*sentences[:3], f"{rest} more of this kind ({reason}); --format json names them all"]
    return told


def _table(report: Report) -> list[Line]:
    rows = []
    for f in report.findings:
        where = f"{shown_path(f.site.file)}:{f.site.line}" if f.site else ""
        times = f"{f.count}×" if f.count > 1 else ""
        rows.append((str(f.confidence), printable(f.code), printable(f.hazard), times, where))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    table: list[Line] = [line(Span("Summary", "label"))]
    for confidence, code, name, times, where in rows:
        table.append(
            line(
                "  ",
                Span(confidence.ljust(widths[0]), confidence),
                f"  {code.ljust(widths[1])} {name.ljust(widths[2])}  ",
                times.rjust(widths[3]) + ("  " if widths[3] else ""),
                Span(where, "path"),
            )
        )
    return table


_LOST = frozenset(("chunk-dropped", "cut-off", "disk-full"))
"""Gaps after which it is not known what the program imported and did."""


def _counted(report: Report) -> str:
    found = len(report.findings)
    if not found:
        if any(gap.reason in _LOST for gap in report.gaps):
            return "Paramedic found nothing in what was kept."
        processes = report.source.get("processes", ()) if report.source.get("kind") == "recording" else ()
        if processes and not any(p["paramiko"] for p in processes):
            return "Paramedic found nothing: no process that was recorded imported Paramiko."
        return "Paramedic found nothing."
    each = [(sum(f.confidence is c for f in report.findings), str(c)) for c in Confidence]
    return f"{found} {'finding' if found == 1 else 'findings'}: " + ", ".join(f"{n} {c}" for n, c in each if n) + "."


def _suppressed(count: int) -> str:
    return f"{count} {'finding was' if count == 1 else 'findings were'} suppressed."
