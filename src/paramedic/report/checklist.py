"""The answers of a checkup, written for a terminal, as Markdown, JSON or one HTML page."""

from __future__ import annotations

import html
import json
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from paramedic.model.report import report_to_json
from paramedic.report.escaping import printable

if TYPE_CHECKING:
    from paramedic.model.report import Report
    from paramedic.report.answers import Checked

_MARKS = {"pass": "pass    ", "fail": "FAIL    ", "not seen": "not seen"}
_WIDTH = 110
_COLOURS = {"pass": "#1a7f37", "fail": "#cf222e", "not seen": "#9a6700"}


def checkup_text(checked: Checked) -> str:
    """For a terminal: a line for each item, its evidence below, the next action at the end.

    Threads: pure.
    """
    lines = [printable(source) for source in checked.sources] + [""]
    for answer in checked.answers:
        lines.append(f"{_MARKS[answer.state]}  {answer.question}")
        for evidence in answer.evidence:
            lines.extend(_wrapped(printable(evidence), "          - "))
        if answer.action:
            lines.extend(_wrapped(printable(answer.action), "          -> "))
    lines += [*([""] if checked.answers else []), _closing(checked)]
    return "\n".join(lines) + "\n"


def _wrapped(text: str, head: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=head, subsequent_indent=" " * len(head),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _closing(checked: Checked) -> str:
    if checked.nothing:
        return printable(checked.nothing)
    if checked.next is None:
        return "Every item passes or is not needed, as far as what was looked at can tell."
    return f"Next: {printable(checked.next.action)}"


def checkup_markdown(checked: Checked) -> str:
    """A Markdown document with a task list.

    Threads: pure.
    """
    lines = ["# Threading checkup", "", *(f"- {_plain(s)}" for s in checked.sources), ""]
    for answer in checked.answers:
        box = "x" if answer.state == "pass" else " "
        lines.append(f"- [{box}] **{answer.question}**: {answer.state}")
        lines.extend(f"  - {_plain(evidence)}" for evidence in answer.evidence)
        if answer.action:
            lines.append(f"  - To do: `{printable(answer.action).replace('`', chr(39))}`")
    lines += [*([""] if checked.answers else []), f"**{_plain(_closing(checked))}**"]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    return printable(text).replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")


def checkup_json(checked: Checked, report: Report, *, warnings: Sequence[str] = ()) -> str:
    """The common report object with ``checklist``, ``next`` and ``looked_at`` added.

    Threads: pure.
    """
    data: dict[str, Any] = report_to_json(report) | {"warnings": list(warnings)}
    data["looked_at"] = list(checked.sources)
    data["checklist"] = [
        {"item": a.name, "question": a.question, "state": a.state, "evidence": list(a.evidence), "action": a.action}
        for a in checked.answers
    ]
    data["next"] = checked.next.action if checked.next is not None else checked.nothing
    return json.dumps(data, indent=2) + "\n"


def checkup_html(checked: Checked) -> str:
    """One page that loads nothing.

    Threads: pure.
    """
    rows = []
    for answer in checked.answers:
        evidence = "".join(f"<li>{_escaped(e)}</li>" for e in answer.evidence)
        action = f"<p><b>To do:</b> <code>{_escaped(answer.action)}</code></p>" if answer.action else ""
        colour = _COLOURS[answer.state]
        rows.append(
            f'<section><h2><span style="color:{colour}">{_escaped(answer.state)}</span> '
            f"{_escaped(answer.question)}</h2>"
            f"<ul>{evidence}</ul>{action}</section>"
        )
    sources = "".join(f"<li>{_escaped(s)}</li>" for s in checked.sources)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Threading checkup</title>\n'
        "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
        "h2{font-size:1.1rem;margin-bottom:.2rem}code{white-space:pre-wrap}"
        "@media (prefers-color-scheme:dark){body{background:#111;color:#ddd}}</style></head>\n"
        f"<body><h1>Threading checkup</h1><ul>{sources}</ul>\n"
        f"<p><b>{_escaped(_closing(checked))}</b></p>\n" + "\n".join(rows) + "\n</body></html>\n"
    )


def _escaped(text: str) -> str:
    return html.escape(printable(text))
