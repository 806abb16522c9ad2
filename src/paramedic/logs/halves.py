"""Reads a long log on two cores: each half as if it were a log, then puts the facts of the halves together.

A log is a story in order, and its second half begins in the middle of it. That does not matter much: a log whose
beginning was rotated away must be read too, so the second half is such a log. What was alive at the seam is known from
the first half, and what is known of it in the second is put beside it. Where that would be a guess (the numbers of
threads begin again near the seam, several processes write to the file) the log is read in order, by one core.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from paramedic.logs.facts import ChannelFacts, Line, LogFacts, Refusal, TransportFacts
from paramedic.logs.forms import PARAMIKO_FORM, detect
from paramedic.logs.reading import LogReader, Tally, few_collections
from paramedic.logs.sources import Source
from paramedic.model.report import Gap

WORTH_BYTES = 48_000_000
"""Starting a second interpreter costs more than it saves below."""
HEAD_BYTES = 200_000
START_BYTES = 12_000_000
"""So much one process reads while the other starts; the first half is longer by that and the run-up, divided by two."""
RUN_UP_BYTES = 4_000_000
"""So far before the seam the second half begins, to know by then who works where; what it sees there is not told."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one half gave.

    Attributes:
        ended: facts of the processes that ended in it.
        going: the facts of the one that goes on at its end.
        at_seam: the second half's facts at the seam, after its run-up.
        tally: what it is made of, without the run-up.
        run_up_lines: lines of the run-up.
        long_lines: lines that were cut.
        threads: all threads of ``going``, as in the log.
    """

    ended: tuple[LogFacts, ...]
    going: LogFacts | None
    at_seam: LogFacts | None
    tally: Tally
    run_up_lines: int
    long_lines: int
    threads: frozenset[bytes]


def seam_of(source: Source) -> int | None:
    """The byte at which a log is best divided; None if it is not worth it, or not possible.

    Threads: any; reads a little of the file.
    """
    if len(source.files) != 1:
        return None
    path = source.files[0]
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            if size < WORTH_BYTES:
                return None
            lines = [x for x in file.read(HEAD_BYTES).split(b"\n") if b"paramiko" in x]
            if detect(lines[:100]) is not PARAMIKO_FORM:
                return None
            file.seek((size + START_BYTES + RUN_UP_BYTES) // 2)
            file.readline()
            return file.tell()
    except OSError:
        return None


def read_in_halves(source: Source, seam: int) -> tuple[list[LogFacts], Tally] | None:
    """The facts of a log, read by two processes; None if the halves do not fit together.

    Args:
        source: one file.
        seam: where a line begins.

    Raises:
        UnreadableLog: the file cannot be read.

    Threads: any; starts a process and waits for it.
    """
    import multiprocessing  # imported here: most logs are small, and what they need is there sooner without these
    from concurrent.futures import ProcessPoolExecutor

    path = source.files[0]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = pool.submit(_read_second, path, seam)
        first = _read_first(path, seam)
        second = waiting.result()
    runs = _joined(first, second)
    if runs is None:
        return None
    source.long_lines = first.long_lines + second.long_lines
    return runs, _added(first.tally, second.tally)


def _read_first(path: Path, seam: int) -> Part:
    source = Source(name=str(path), files=(path,), stop=seam)
    reader = LogReader(source, PARAMIKO_FORM)
    ended = _read(reader, source)
    story = reader.stories.get(None)
    if story is None or len(reader.stories) > 1:
        return Part(tuple(ended), None, None, reader.tally, 0, 0, frozenset())
    threads = frozenset(story.transports) | frozenset(story.threads)
    return Part(tuple(ended), story.finish(cut=True), None, reader.tally, 0, source.long_lines, threads)


def _read_second(path: Path, seam: int) -> Part:
    with path.open("rb") as file:
        file.seek(max(seam - RUN_UP_BYTES, 0))
        file.readline()
        start = min(file.tell(), seam)
    before = Source(name=str(path), files=(path,), start=start, stop=seam)
    reader = LogReader(before, PARAMIKO_FORM)
    ended = _read(reader, before)
    lines, reader.tally = reader.tally.lines, Tally(forms=reader.tally.forms)
    if ended or len(reader.stories) != 1 or None not in reader.stories:
        return Part(tuple(ended), None, None, reader.tally, lines, 0, frozenset())
    at_seam = copy.deepcopy(reader.stories[None]).finish(cut=True)
    source = Source(name=str(path), files=(path,), start=seam)
    ended = _read(reader, source, lines)
    story = reader.stories.get(None)
    if story is None or len(reader.stories) > 1:
        return Part(tuple(ended), None, None, reader.tally, lines, 0, frozenset())
    threads = frozenset(story.transports) | frozenset(story.threads)
    return Part(tuple(ended), story.finish(), at_seam, reader.tally, lines, source.long_lines, threads)


def _read(reader: LogReader, source: Source, lines: int = 0) -> list[LogFacts]:
    ended: list[LogFacts] = []
    with few_collections():
        for block in source.blocks():
            block.first += lines
            reader.take(block)
            ended += reader.finished
            reader.finished.clear()
    return ended


def _joined(first: Part, second: Part) -> list[LogFacts] | None:
    a, at_seam = first.going, second.at_seam
    b = second.ended[0] if second.ended else second.going
    if a is None or b is None or at_seam is None or a.mixed or b.mixed or any(f.mixed for f in second.ended):
        return None
    shift, seam = first.tally.lines - second.run_up_lines, first.tally.lines + 1
    names = {t.thread: t.name for t in a.transports if not t.ending.how}
    renamed = {t.name: names[t.thread] for t in b.transports if t.thread in names}
    b, at_seam = _moved(b, shift, renamed), _moved(at_seam, shift, renamed)
    known = {t.thread for t in a.transports}
    for transport in b.transports:
        if not _begun_before(transport, seam) and (transport.thread in known or _key(transport) in first.threads):
            return None  # the numbers begin again, and what stands before it was taken for the same process
    later = [_moved(f, shift, {}) for f in second.ended[1:]]
    if second.ended and second.going is not None:
        later.append(_moved(second.going, shift, {}))
    return [*first.ended, _one(a, at_seam, b, seam), *later]


def _begun_before(transport: TransportFacts, seam: int) -> bool:
    return transport.started is None or transport.started.number < seam


def _one(a: LogFacts, at_seam: LogFacts, b: LogFacts, seam: int) -> LogFacts:
    """The facts of the process that lives across the seam."""
    before = {t.thread: t for t in at_seam.transports}
    goes_on = {t.thread: t for t in b.transports if _begun_before(t, seam)}
    transports: list[TransportFacts] = []
    carried: dict[str, list[ChannelFacts]] = {}
    for transport in a.transports:
        after = goes_on.pop(transport.thread, None) if not transport.ending.how else None
        if after is not None:
            at = before.get(transport.thread)
            seen = {c.number for c in at.unfinished} if at is not None else set()
            left = {c.number for c in after.unfinished}
            gone = after.ended_unseen | (seen - left)
            own = [c for c in transport.unfinished if c.number not in gone]
            carried[transport.name] = [c for c in own if c.number not in seen]
            transport = _continued(transport, at, after, own)
        transports.append(transport)
    new = [t for t in b.transports if not _begun_before(t, seam)]
    transports += new
    refusals = [r for r in b.refusals if r.line.number >= seam]
    hosts = dict(b.hosts) | dict(a.hosts)
    found = {f: tuple(x for x in getattr(b, f) if _last(x) >= seam) for f in _LISTS}
    alone = len(transports) == 1
    found["sftp_overlaps"] = tuple(
        replace(o, sure=True) if alone else o for o in found["sftp_overlaps"] if alone or o.transport
    )
    return replace(
        a,
        last=b.last or a.last,
        messages=a.messages + b.messages - at_seam.messages,
        transports=tuple(transports),
        transports_seen=a.transports_seen + b.transports_seen - at_seam.transports_seen,
        threads_seen=a.threads_seen + b.threads_seen - at_seam.threads_seen,
        most_logging_in=max(a.most_logging_in, b.most_logging_in),
        key_prints=tuple(dict.fromkeys(a.key_prints + b.key_prints)),
        hosts=tuple(hosts.items()),
        refusals=a.refusals + tuple(_with_carried(r, carried.get(r.transport, [])) for r in refusals),
        refusals_seen=a.refusals_seen + b.refusals_seen - at_seam.refusals_seen,
        windows_full=b.windows_full,
        gaps=a.gaps + _without(b.gaps, at_seam.gaps),
        **{f: getattr(a, f) + found[f] for f in _LISTS},
    )


_LISTS = (
    "sftp_overlaps",
    "cwd_mixes",
    "overlaps",
    "dead_uses",
    "dropped",
    "eof_races",
    "shared_streams",
    "unrequested",
    "twin_opens",
)
"""Facts of which the second half tells those that it does not see in its run-up alone."""


def _continued(
    a: TransportFacts, at: TransportFacts | None, b: TransportFacts, unfinished: list[ChannelFacts]
) -> TransportFacts:
    """A transport that lives across the seam."""
    silences = [s for s in (a.silence, b.silence) if s is not None]
    known = {c.number for c in unfinished}
    seam = a.last.number if a.last is not None else 0
    return replace(
        a,
        host=a.host or b.host,
        opener=a.opener or b.opener,
        authenticated=a.authenticated or b.authenticated,
        ending=replace(b.ending, authenticated=a.ending.authenticated or b.ending.authenticated),
        last=b.last,
        unfinished=(*unfinished, *(c for c in b.unfinished if c.number not in known)),
        rekeying=b.rekeying or (a.rekeying if b.keys_agreed is None else None),
        double_logins=a.double_logins + tuple(d for d in b.double_logins if d[1].number > seam),
        unimplemented=a.unimplemented + tuple(x for x in b.unimplemented if x.number > seam),
        logins_failed=a.logins_failed + tuple(x for x in b.logins_failed if x.number > seam),
        keys_tried=a.keys_tried + b.keys_tried - (at.keys_tried if at else 0),
        keepalives=a.keepalives + b.keepalives - (at.keepalives if at else 0),
        keepalives_unanswered_by=b.keepalives_unanswered_by,
        channels=a.channels + b.channels - (at.channels if at else 0),
        most_live=max(a.most_live, b.most_live),
        ended_by_itself=a.ended_by_itself + b.ended_by_itself - (at.ended_by_itself if at else 0),
        silence=max(silences, key=lambda s: s[0]) if silences else None,
        stopped_after_eof=b.stopped_after_eof,
        own_opens=b.own_opens,
    )


def _with_carried(refusal: Refusal, carried: list[ChannelFacts]) -> Refusal:
    sessions = sum(c.requested is not None for c in carried)
    return replace(refusal, live=refusal.live + len(carried), sessions=refusal.sessions + sessions)


def _without(gaps: tuple[Gap, ...], run_up: tuple[Gap, ...]) -> tuple[Gap, ...]:
    seen = {g.reason: g.count for g in run_up}
    left = (replace(g, count=g.count - seen.get(g.reason, 0)) for g in gaps)
    return tuple(g for g in left if g.count > 0)


def _last(fact: Any) -> int:
    """The number of the last line of a fact."""
    numbers = [0]

    def note(line: Line) -> Line:
        numbers.append(line.number)
        return line

    _walk(fact, note)
    return max(numbers)


def _moved(facts: LogFacts, lines: int, renamed: dict[str, str]) -> LogFacts:
    """The facts with the numbers that lines have in the whole file, and the names that transports have there."""
    moved: LogFacts = _walk(facts, lambda line: replace(line, number=line.number + lines), renamed)
    return moved


def _walk(value: Any, change: Callable[[Line], Line], renamed: dict[str, str] | None = None) -> Any:
    if isinstance(value, Line):
        return change(value)
    if isinstance(value, tuple):
        return tuple(_walk(v, change, renamed) for v in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changes = {}
        for field in dataclasses.fields(value):
            old = getattr(value, field.name)
            if isinstance(old, tuple) or dataclasses.is_dataclass(old):
                changes[field.name] = _walk(old, change, renamed)
            elif renamed and field.name in ("transport", "name") and old in renamed:
                changes[field.name] = renamed[old]
        return replace(value, **changes) if changes else value
    return value


def _key(transport: TransportFacts) -> bytes:
    return transport.thread.removeprefix("thread ").encode()


def _added(a: Tally, b: Tally) -> Tally:
    return Tally(
        lines=a.lines + b.lines,
        size=a.size + b.size,
        messages=a.messages + b.messages,
        others=a.others + b.others,
        continued=a.continued + b.continued,
        unread=a.unread + b.unread,
        unread_example=a.unread_example or (b.unread_example + a.lines if b.unread_example else 0),
        forms=list(dict.fromkeys(a.forms + b.forms)) or [PARAMIKO_FORM.name],
    )
