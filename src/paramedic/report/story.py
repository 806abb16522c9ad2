"""One finding told as a story: who did what where, why that goes wrong, and what to change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paramedic.model.finding import Confidence, Finding, Site, Step
from paramedic.model.hazard import Hazard
from paramedic.report.diff import diff_of, typical_diff
from paramedic.report.escaping import printable
from paramedic.report.excerpt import Excerpts, shown_path
from paramedic.report.layout import EMPTY, Line, Span, cut, labelled, line, plain, wrapped

MOST_FRAMES = 8
"""Frames shown of one stack, besides the site itself."""

LABELLED = 18
"""The column at which the words behind a label begin."""

MOST_LINKS = 3
"""Reports shown of one finding; the hazard's page has them all."""


class Teller:
    """Tells findings one after the other; what was said for an earlier one is not said again.

    Threads: one thread at a time; reads the source files that are quoted.
    """

    def __init__(
        self, hazards: Mapping[str, Hazard], *, width: int, several_processes: bool = False, command: str = "paramedic"
    ) -> None:
        """Prepares to tell.

        Args:
            hazards: by name; they supply the words that findings leave empty.
            width: columns.
            several_processes: whether a finding has to say in which process it happened.
            command: how the user calls us.
        """
        self._hazards = hazards
        self._width = width
        self._several_processes = several_processes
        self._command = command
        self._excerpts = Excerpts()
        self._said: set[tuple[str, str, str]] = set()

    def story(self, finding: Finding) -> list[Line]:
        """The finding's lines."""
        hazard = self._hazards.get(finding.hazard)  # None: the finding is from another version
        width = self._width
        told = [self._headline(finding)]
        told += [line(Span(x, "message")) for x in wrapped(finding.message, width)]
        told.append(EMPTY)
        for number, step in enumerate(finding.steps, 1):
            told += _step(number, step, self._excerpts, width)
            told.append(EMPTY)
        told += self._words(finding, "Why", finding.why or (hazard.why if hazard else ""))
        if finding.confidence is not Confidence.ADVICE:
            told += self._words(finding, "When it strikes", finding.symptom or (hazard.symptom if hazard else ""))
        told += self._words(finding, "Fix", finding.fix or (hazard.fix if hazard else ""))
        told += self._change(finding, hazard)
        told += self._words(finding, "Cure", f"paramedic.safe.{hazard.safe}" if hazard and hazard.safe else "")
        more = _more(finding, hazard, self._command)
        if more and self._is_new(finding, "More", plain(more)):
            told += more
        told.append(EMPTY)
        return told

    def _change(self, finding: Finding, hazard: Hazard | None) -> list[Line]:
        """The edits of the user's own lines, or what the change looks like in typical code, once for each hazard."""
        if finding.edits:
            return diff_of(finding.edits, self._excerpts, indent=LABELLED)
        if hazard is None or finding.fix not in ("", hazard.fix) or not self._is_new(finding, "Change", hazard.change):
            return []
        return typical_diff(hazard.change, indent=LABELLED)

    def _headline(self, finding: Finding) -> Line:
        name = f"{printable(finding.code)} {printable(finding.hazard)}"
        right = str(finding.confidence)
        if finding.process is not None and self._several_processes:
            right += f", process {finding.process}"
        if finding.count > 1:
            right += f", {finding.count} times"
        gap = max(self._width - len(name) - len(right), 2)
        return line(Span(name, "name"), " " * gap, Span(right, str(finding.confidence)))

    def _words(self, finding: Finding, label: str, text: str) -> list[Line]:
        if text and not self._is_new(finding, label, text):
            # A fix is what a reader looks for; the rest can be left out.
            text = f"as above, for {finding.code}" if label == "Fix" else ""
        return labelled(label, text, self._width)

    def _is_new(self, finding: Finding, label: str, text: str) -> bool:
        key = (finding.hazard, label, text)
        if key in self._said:
            return False
        self._said.add(key)
        return True


def _step(number: int, step: Step, excerpts: Excerpts, width: int) -> list[Line]:
    head = f"  {number}. "
    clock = "" if step.at_s is None else f"{step.at_s:+.3f} s"
    thread = printable(step.thread)
    lines = wrapped(f"{thread} {step.what}", width - (len(clock) + 2 if clock else 0), first=head, rest=" " * len(head))
    shown: list[Line] = []
    for index, text in enumerate(lines):
        spans = [Span(text[: len(head)], "dim")]
        body = text[len(head) :]
        if index == 0 and body.startswith(thread):
            spans += [Span(thread, "thread"), Span(body[len(thread) :])]
        else:
            spans.append(Span(body))
        if index == 0 and clock:
            spans.append(Span(" " * max(width - len(text) - len(clock), 2) + clock, "dim"))
        shown.append(tuple(spans))
    margin = " " * len(head)
    if step.site is not None:
        shown.append(line(margin, *_place(step.site)))
        source = excerpts.line(step.site)
        if source and source not in step.what:  # a finding in a log tells the line itself
            number_text = f"{margin}  {step.site.line} │ "
            shown.append(line(Span(number_text, "dim"), Span(cut(source, width - len(number_text)), "source")))
    shown += _callers(step, margin)
    if step.locks:
        held = "holding " + ", ".join(step.locks)
        shown += [line(Span(x, "locks")) for x in wrapped(held, width, first=margin, rest=margin + "  ")]
    return shown


def _callers(step: Step, margin: str) -> list[Line]:
    """The innermost frame inside the site, which is a package's, and those outside, a recursion once."""
    inside, frames = parted(step)
    frames = _without_repeats(frames)
    left = "called from "
    shown: list[Line] = []
    if inside:
        deeper = f", {len(inside)} frames deeper" if len(inside) > 1 else ""
        shown.append(line(margin, Span("by way of ", "dim"), *_place(inside[0]), Span(deeper, "dim")))
    for index, site in enumerate(frames[:MOST_FRAMES]):
        shown.append(line(margin, Span(left if index == 0 else " " * len(left), "dim"), *_place(site)))
    if len(frames) > MOST_FRAMES:
        shown.append(line(margin, Span(" " * len(left) + f"and {len(frames) - MOST_FRAMES} more frames", "dim")))
    return shown


def parted(step: Step) -> tuple[list[Site], list[Site]]:
    """The frames of a step inside its site, innermost first, and those outside of it.

    Threads: pure.
    """
    frames = list(step.stack)
    if step.site not in frames:
        return [], frames
    place = frames.index(step.site)
    return frames[:place], frames[place + 1 :]


def _without_repeats(frames: Sequence[Site]) -> list[Site]:
    return [site for index, site in enumerate(frames) if site not in frames[max(index - 3, 0) : index]]


def _place(site: Site) -> tuple[Span, ...]:
    place = shown_path(site.file) + (f":{site.line}" if site.line else "")
    return (Span(place, "path"), Span(f" in {printable(site.function)}" if site.function else "", "dim"))


def _more(finding: Finding, hazard: Hazard | None, command: str) -> list[Line]:
    links = tuple(dict.fromkeys(finding.upstream or (hazard.upstream if hazard else ())))
    explain = f"{command} explain {printable(finding.hazard)}"
    lines = [line(Span("  More".ljust(LABELLED), "label"), explain)] if hazard else []
    if links:
        head = "" if hazard else "  More"
        shown = [*map(printable, links[:MOST_LINKS])]
        lines.append(line(Span(head.ljust(LABELLED), "label"), shown[0]))
        lines += [line(" " * LABELLED + link) for link in shown[1:]]
    return lines
