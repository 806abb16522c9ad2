"""How each item of the threading checklist stands, by what speaks for and against it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from paramedic.check.checklist_items import CHECKLIST, Item
from paramedic.hazards.catalogue import by_name
from paramedic.hazards.wait_without_timeout import REPLY_WAIT
from paramedic.model.finding import Confidence, Finding


class State(StrEnum):
    """How an item stands."""

    PASS = "pass"
    FAIL = "fail"
    NOT_SEEN = "not seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How one item stands, with its evidence.

    Attributes:
        evidence: sentences with places, strongest first.
        action: what to do next for this item; "" where nothing is left to do, or nothing has to be done.
        urgency: orders the actions; larger is sooner.
    """

    item: Item
    state: State
    evidence: tuple[str, ...]
    action: str
    urgency: int


_FORCE = {Confidence.OBSERVED: 100, Confidence.POSSIBLE: 40, Confidence.ADVICE: 5}
MOST_EVIDENCE = 5
"""Pieces of evidence shown for one item; the rest is counted."""


def answers(
    findings: Mapping[str, Sequence[Finding]],
    seen: Mapping[str, Sequence[str]],
    shown: Callable[[str], str],
    runs: Sequence[str] = (),
    *,
    speaks: bool = True,
) -> list[Answer]:
    """How each item stands.

    Args:
        findings: by source ("source", "recording", "log").
        seen: places of what the source does at all.
        shown: makes a place short.
        runs: what was looked at besides the source: "the recording (1,785 events)".
        speaks: whether any file of the source uses Paramiko; others are not read.

    Threads: pure.
    """
    return [_answer(item, findings, seen, shown, runs, speaks) for item in CHECKLIST]


def _answer(
    item: Item,
    findings: Mapping[str, Sequence[Finding]],
    seen: Mapping[str, Sequence[str]],
    shown: Callable[[str], str],
    runs: Sequence[str],
    speaks: bool,
) -> Answer:
    against = sorted(
        (
            (f, source)
            for source, some in findings.items()
            for f in some
            if f.hazard in item.hazards and f.message != REPLY_WAIT  # a note: it holds for every timeout
        ),
        key=lambda pair: pair[0].confidence.rank,
    )
    notes = tuple(f"{sentence} ({_in_line(seen[kind], shown)})" for kind, sentence in item.notes if seen.get(kind))
    if against:
        lines = [_sentence(f, source, shown) for f, source in against[:MOST_EVIDENCE]]
        if len(against) > MOST_EVIDENCE:
            lines.append(f"and {len(against) - MOST_EVIDENCE} more")
        first = against[0][0]
        place = f"{shown(str(first.site))}: " if first.site is not None else ""
        fix = first.fix or by_name(first.hazard).fix
        action = f"{place}{fix.rstrip('.')}. Why: paramedic explain {first.hazard}"
        force = _FORCE[first.confidence] * item.weight + len(against)
        return Answer(item=item, state=State.FAIL, evidence=(*lines, *notes), action=action, urgency=force)
    places = [p for kind in item.shows for p in seen.get(kind, ())]
    if places:
        return Answer(item=item, state=State.PASS, evidence=(*_places(places, shown), *notes), action="", urgency=0)
    quiet = tuple(f"nothing against it in {run}" for run in runs)
    wanted = [p for kind in item.wants for p in seen.get(kind, ())]
    needed = [p for kind in item.needs for p in seen.get(kind, ())]
    followed = any(seen.get(kind) for kind in _USES)
    if followed and wanted and (needed or not item.needs):
        kinds = " and ".join(kind for kind in item.wants if seen.get(kind))
        count = len(dict.fromkeys(wanted))
        places_read = f"{count} places with {kinds} were" if count > 1 else f"1 place with {kinds} was"
        seen_at = _places((needed or wanted)[:2], shown)
        evidence = (f"{places_read} read in the source, nothing against it", *seen_at, *quiet, *notes)
        return Answer(item=item, state=State.PASS, evidence=evidence, action="", urgency=0)
    idle = followed and not wanted and item.idle
    if idle:
        lacking = f"not needed here: {idle}"
    elif not speaks:
        lacking = "no file of the source uses Paramiko"
    elif item.wants and not followed:
        lacking = "the source names Paramiko, but no connection and no call on one could be followed there"
    else:
        missing = item.needs if wanted else item.wants
        lacking = f"the source has no {' and no '.join(missing)}" if missing else "the source does not show it"
    return Answer(
        item=item,
        state=State.NOT_SEEN,
        evidence=(lacking, *quiet, *notes),
        action="" if idle else item.settles,
        urgency=0 if idle else item.weight,
    )


_USES = ("connections", "channels", "commands", "uses")
"""Sightings of which one shows that the reader could follow what the source does with Paramiko."""


def _in_line(places: Sequence[str], shown: Callable[[str], str]) -> str:
    more = f" and {len(places) - 2} more" if len(places) > 2 else ""
    return ", ".join(shown(p) for p in places[:2]) + more


def _sentence(finding: Finding, source: str, shown: Callable[[str], str]) -> str:
    place = f"{shown(str(finding.site))}: " if finding.site is not None else ""
    return f"{place}{finding.message} ({source}, {finding.confidence})"


def _places(places: Iterable[str], shown: Callable[[str], str]) -> tuple[str, ...]:
    unique = list(dict.fromkeys(places))
    lines = [f"seen at {shown(p)}" for p in unique[:3]]
    return (*lines, *([f"and {len(unique) - 3} more places"] if len(unique) > 3 else []))


def next_action(all_answers: Sequence[Answer]) -> Answer | None:
    """The one thing to do next; None where nothing is left to do.

    Threads: pure.
    """
    return max((a for a in all_answers if a.action), key=lambda a: a.urgency, default=None)
