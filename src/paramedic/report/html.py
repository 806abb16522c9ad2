"""The report as one HTML file: the findings as stories, and above them what each thread did when.

It holds everything that it shows. Its content security policy allows nothing to be loaded and no other script or style
than its own, which it names by their hashes. Without scripts everything can be read; they only zoom and filter.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib import resources

from paramedic import __version__
from paramedic.model.finding import Confidence, Edit, Finding, Site, Step
from paramedic.model.hazard import Hazard
from paramedic.model.lanes import Lanes
from paramedic.model.report import Report
from paramedic.report.excerpt import Excerpts, shown_path
from paramedic.report.markup import attribute, escaped, escaped_lines, link
from paramedic.report.story import MOST_FRAMES, MOST_LINKS, parted
from paramedic.report.summary import not_seen
from paramedic.report.swimlanes import lanes_markup, span_of


def report_as_html(
    report: Report, hazards: Mapping[str, Hazard], *, lanes: Lanes | None = None, warnings: Sequence[str] = ()
) -> str:
    """One self-contained page.

    Args:
        report: what was found, in the order in which it is told.
        hazards: by name; they supply the words that findings leave empty.
        lanes: what the threads did; None where there is no recording.
        warnings: sentences about the user's own settings.

    Threads: for one thread at a time; reads the source files that are quoted.
    """
    style, script = _resource("page.css"), _resource("page.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; "
        "form-action 'none'"
    )
    teller = _Teller(hazards, lanes, len({f.process for f in report.findings}) > 1)
    stories = "".join(teller.story(number, finding) for number, finding in enumerate(report.findings, 1))
    program = _program(report)
    return "\n".join(
        (
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{attribute(policy)}">',
            '<meta name="referrer" content="no-referrer">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escaped(f'Paramedic: {program}' if program else 'Paramedic')}</title>",
            f"<style>{style}</style></head><body>",
            f"<header><h1>Paramedic{': ' + escaped(program) if program else ''}</h1>",
            f"<p>{_counted(report)}</p>{_notes(report, warnings)}</header><main>",
            _controls(bool(lanes and lanes.lanes)) if report.findings or lanes else "",
            _picture(lanes, report.findings),
            f"<h2>Findings</h2>{_table(report)}{stories}" if report.findings else "",
            f'<p class="faint">Paramedic {escaped(__version__)}; {len(report.suppressed)} suppressed.</p>',
            f"</main><script>{script}</script></body></html>",
        )
    )


def _resource(name: str) -> str:
    return resources.files("paramedic.report").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _program(report: Report) -> str:
    processes = report.source.get("processes")
    if isinstance(processes, list) and processes and isinstance(processes[0], dict):
        return str(processes[0].get("program") or "")
    return ""


def _counted(report: Report) -> str:
    if not report.findings:
        return "Nothing was found."
    each = [(sum(f.confidence is c for f in report.findings), c) for c in Confidence]
    words = ", ".join(f'<b class="{c}">{n} {c}</b>' for n, c in each if n)
    return f"{len(report.findings)} {'finding' if len(report.findings) == 1 else 'findings'}: {words}."


def _notes(report: Report, warnings: Sequence[str]) -> str:
    gaps = [f"Not seen: {sentence}" for sentence in not_seen(report)]
    return "".join(f'<p class="gaps">{escaped(words)}</p>' for words in (*gaps, *warnings))


def _controls(picture: bool) -> str:
    zoom = ""
    if picture:
        zoom = "".join(
            f'<button type="button" data-zoom="{factor}">{words}</button>'
            for factor, words in (("2", "Zoom in"), ("0.5", "Zoom out"), ("0", "All"))
        )
    boxes = "".join(f'<label><input type="checkbox" value="{c}" checked> {c}</label>' for c in Confidence)
    search = '<label>Show only <input type="search" placeholder="a thread, a call, a file"></label>'
    hint = '<span class="faint">Ctrl and the wheel zoom, too</span>' if picture else ""
    return f'<div class="controls" hidden>{search}{boxes}{zoom}{hint}</div>'


def _picture(lanes: Lanes | None, findings: Sequence[Finding]) -> str:
    if lanes is None or not lanes.lanes:
        return ""
    words = [f"{lanes.calls:,} calls and waits in {len(lanes.lanes) + lanes.left_out:,} threads"]
    if lanes.merged_below_ns:
        words.append(f"neighbours shorter than {lanes.merged_below_ns / 1e6:,.3g} ms may be drawn as one")
    if lanes.left_out:
        words.append(f"the {lanes.left_out:,} threads with the fewest calls are not drawn")
    key = (
        '<p class="key faint"><span class="call"><i>calls on Paramiko objects</i></span>'
        '<span class="wait"><i>waits for other threads</i></span><span class="lock"><i>waits for locks</i></span></p>'
    )
    return f'<h2>Threads</h2><p class="faint">{"; ".join(words)}.</p>{key}{lanes_markup(lanes, findings)}'


def _table(report: Report) -> str:
    rows = ""
    for number, finding in enumerate(report.findings, 1):
        site = finding.site
        where = f"{shown_path(site.file)}:{site.line}" if site is not None else ""
        rows += (
            f'<tr><td>{number}</td><td class="{finding.confidence}">{finding.confidence}</td>'
            f'<td><a href="#finding-{number}">{escaped(finding.code)} {escaped(finding.hazard)}</a></td>'
            f'<td>{f"{finding.count}×" if finding.count > 1 else ""}</td><td class="place">{escaped(where)}</td></tr>'
        )
    return f"<table>{rows}</table>"


class _Teller:
    """Writes findings, one article each."""

    def __init__(self, hazards: Mapping[str, Hazard], lanes: Lanes | None, several_processes: bool) -> None:
        self._hazards, self._lanes, self._several = hazards, lanes, several_processes
        self._excerpts = Excerpts()

    def story(self, number: int, finding: Finding) -> str:
        hazard = self._hazards.get(finding.hazard)
        confidence = str(finding.confidence)
        right = confidence
        if self._several and finding.process is not None:
            right += f", process {finding.process}"
        if finding.count > 1:
            right += f", {finding.count} times"
        words = {
            "Why": finding.why or (hazard.why if hazard else ""),
            "When it strikes": finding.symptom or (hazard.symptom if hazard else ""),
            "Fix": finding.fix or (hazard.fix if hazard else ""),
            "Cure": f"paramedic.safe.{hazard.safe}" if hazard and hazard.safe else "",
        }
        if finding.confidence is Confidence.ADVICE:
            del words["When it strikes"]
        rows = "".join(f"<dt>{k}</dt><dd><pre>{escaped_lines(v)}</pre></dd>" for k, v in words.items() if v)
        if not finding.edits and hazard and hazard.change and finding.fix in ("", hazard.fix):
            rows += f"<dt>Change</dt><dd>{_typical(hazard.change)}</dd>"
        rows += "".join(f"<dt>Change</dt><dd>{self._edit(edit)}</dd>" for edit in finding.edits)
        links = tuple(dict.fromkeys(finding.upstream or (hazard.upstream if hazard else ())))[:MOST_LINKS]
        more = [f"<code>paramedic explain {escaped(finding.hazard)}</code>"] if hazard else []
        more += [link(address) for address in links]
        rows += f"<dt>More</dt><dd>{'<br>'.join(more)}</dd>" if more else ""
        return (
            f'<article id="finding-{number}" class="{confidence}" data-confidence="{confidence}">'
            f"<h3><span>{number}. {escaped(finding.code)} {escaped(finding.hazard)}</span>{self._place(finding)}"
            f'<span class="confidence {confidence}">{escaped(right)}</span></h3>'
            f'<p class="message">{escaped(finding.message)}</p>'
            f'<ol class="steps">{"".join(map(self._step, finding.steps))}</ol><dl>{rows}</dl></article>'
        )

    def _place(self, finding: Finding) -> str:
        span = span_of(finding, self._lanes) if self._lanes is not None and self._lanes.lanes else None
        if span is None:
            return ""
        return f'<a href="#top" data-from="{span[0]:.9f}" data-to="{span[1]:.9f}">show in the picture</a>'

    def _step(self, step: Step) -> str:
        at = f'<span class="at">{step.at_s:+.3f} s</span>' if step.at_s is not None else ""
        told = f'<li>{at}<span class="thread">{escaped(step.thread)}</span> {escaped(step.what)}'
        if step.site is not None:
            told += f'<br><span class="place">{_site(step.site)}</span>'
            source = self._excerpts.line(step.site)
            told += f'<span class="source">{step.site.line} │ {escaped(source)}</span>' if source else ""
        for words, frames in zip(("by way of", "called from"), parted(step), strict=True):
            others = [site for site in frames if site != step.site][:MOST_FRAMES]
            if others:
                listed = "<br>".join(f'<span class="place">{_site(site)}</span>' for site in others)
                told += f"<details><summary>{words}</summary>{listed}</details>"
        if step.locks:
            told += f'<div class="faint">holding {escaped(", ".join(step.locks))}</div>'
        return told + "</li>"

    def _edit(self, edit: Edit) -> str:
        old = self._excerpts.lines(edit.file)[edit.first_line - 1 : edit.last_line]
        removed = "\n".join(f"<del>-{escaped(line)}</del>" for line in old)
        added = "\n".join(f"<ins>+{escaped(line)}</ins>" for line in edit.text.splitlines())
        return (
            f'<span class="place">{escaped(shown_path(edit.file))}</span><pre class="change">{removed}\n{added}</pre>'
        )


def _typical(change: str) -> str:
    tags = {"-": "del", "+": "ins", " ": "span"}
    rows = "\n".join(f"<{tags[row[0]]}>{escaped(row)}</{tags[row[0]]}>" for row in change.splitlines())
    return f'<pre class="change">{rows}</pre>'


def _site(site: Site) -> str:
    place = escaped(shown_path(site.file)) + (f":{site.line}" if site.line else "")
    return place + (f' <span class="faint">in {escaped(site.function)}</span>' if site.function else "")
