"""Reads logs: bytes -> lines -> messages -> stories -> facts, in one pass."""

from __future__ import annotations

import copy
import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from paramedic.logs.actors import Origin, Seen
from paramedic.logs.facts import LogFacts
from paramedic.logs.forms import FORMS, PARAMEDIC_FORM, Form, Record, detect
from paramedic.logs.heads import PLAIN, SFTP, TOLD, Head, Heads
from paramedic.logs.phrases import recognise, split_channel
from paramedic.logs.sources import Block, Source
from paramedic.logs.story import Story
from paramedic.model.report import Gap

SAMPLE_LINES = 400
"""Lines by which the form is found out."""
MAX_STORIES = 256
"""Most processes of one log whose stories go on at the same time."""
MAX_FORMS = 4


@contextmanager
def few_collections() -> Iterator[None]:
    """Lets the cyclic garbage collector run seldom: a reader makes millions of objects and hardly a cycle.

    Threads: any; the collector is the whole process's, and is put back afterwards.
    """
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@dataclass(slots=True)
class Tally:
    """What a log is made of.

    Attributes:
        lines: all lines.
        size: bytes that were read.
        messages: lines of Paramiko's.
        others: lines of other loggers, by logger.
        continued: lines without a header of their own (tracebacks of other programs, messages with line ends).
        unread: lines that look like Paramiko's and have no form that is known, and lines that are not text.
        unread_example: number of the first of them.
        forms: names of the forms that the lines have.
    """

    lines: int = 0
    size: int = 0
    messages: int = 0
    others: Counter[str] = field(default_factory=Counter)
    continued: int = 0
    unread: int = 0
    unread_example: int = 0
    forms: list[str] = field(default_factory=list)

    def gaps(self, source: Source) -> list[Gap]:
        """What of the log could not be read.

        Threads: pure.
        """
        gaps = []
        if self.unread:
            gaps.append(
                Gap(
                    reason="unread-lines",
                    detail=f"lines of {source.name} that cannot be read, the first is line {self.unread_example}",
                    count=self.unread,
                )
            )
        if source.long_lines:
            gaps.append(Gap(reason="long-lines", detail="lines so long that they were cut", count=source.long_lines))
        if source.broken:
            gaps.append(Gap(reason="truncated", detail=source.broken))
        return gaps


class LogReader:
    """Reads one source.

    Attributes:
        tally: what was read so far.
        stories: the processes that go on, by id.
        finished: the facts of those that have ended and were not handed out yet.
        forms: the forms found so far.
    """

    def __init__(self, source: Source, form: Form | None = None) -> None:
        self.source = source
        self.tally = Tally()
        self._said = form
        self.forms: list[Form] = [] if form is None else [form]
        self.stories: dict[int | None, Story] = {}
        self._origins: dict[tuple[str, str], Origin] = {}
        self.finished: list[LogFacts] = []
        self._loggers: dict[bytes | None, bool] = {}
        self._heads = Heads()
        self._nobody = Story()
        self._checked = 0

    def facts(self, *, follow: bool = False) -> Iterator[LogFacts]:
        """The facts of each process, as soon as its part of the log has ended.

        Args:
            follow: never end; yields what is known so far of the processes that go on, each time that something new
                was read and the file is quiet.

        Raises:
            UnreadableLog: a file cannot be read.

        Threads: for one thread; blocks on a pipe.
        """
        new = False
        for block in self.source.blocks(follow=follow):
            if block.lines:
                self.take(block)
                new = True
            elif new:
                new = False
                yield from [copy.deepcopy(story).finish() for story in self.stories.values()]
            yield from self.finished
            self.finished.clear()
        for story in self.stories.values():
            yield story.finish()
        self.stories.clear()

    def take(self, block: Block) -> None:
        """Takes some whole lines.

        Threads: for one thread.
        """
        self.tally.lines += len(block.lines)
        self.tally.size += block.size
        if not self.forms:
            self._find_form(block.lines)
        self._take_lines(block)
        for story in self.stories.values():
            story.forget_ended()

    def _find_form(self, lines: list[bytes]) -> None:
        # The log may begin with other programs' lines: look where Paramiko's words are.
        likely = [i for i, line in enumerate(lines) if b"paramiko" in line or b"[chan " in line][:SAMPLE_LINES]
        form = detect([lines[i][:4096] for i in likely])
        if form is not None:
            self.forms.append(form)
            self.tally.forms.append(form.name)

    def _origin(self, file: str, form: Form) -> Origin:
        key = (file, form.name)
        origin = self._origins.get(key)
        if origin is None:
            number = form.threads in ("number", "ident") and form is not PARAMEDIC_FORM
            origin = Origin(file, form.quick_clock or form.clock, _number_name if number else _plain_name)
            self._origins[key] = origin
        return origin

    def _story(self, process: int | None) -> Story:
        story = self.stories.get(process)
        if story is None:
            if len(self.stories) >= MAX_STORIES:
                oldest = next(iter(self.stories))
                self.finished.append(self.stories.pop(oldest).finish())
                self._heads.forget()
            story = self.stories[process] = Story(process)
        return story

    def _next_run(self, story: Story, seen: Seen) -> Story:
        beside = story.runs_beside(seen)
        story.mixed = story.mixed or beside
        self._heads.forget()
        self.finished.append(story.finish())
        fresh = Story(story.process, frozenset(story.transports) | story.prior_transports)
        fresh.mixed = beside
        fresh.now_s = story.now_s
        if len(fresh.prior_transports) > 100_000:
            fresh.prior_transports = frozenset(story.transports)
        self.stories[story.process] = fresh
        return fresh

    def _take_lines(self, block: Block) -> None:
        """Reads lines by their heads, as far as those are known; this is the loop that must be fast."""
        known = self._heads.known.get
        story = nobody = self._nobody
        seen: Seen | None = None
        time_text = b""
        begun = number = block.first
        for number, line, (key, _, message), text in self._heads.rows(block.lines, block.first):
            head = known(key)
            if head is None:
                self._fed(story, number - begun, seen)
                story, begun = nobody, number
                self._take_slowly(block, number, line)
                continue
            owner, thread, origin, kind, connection, logger = head
            if owner is not story:
                self._fed(story, number - begun, seen)
                begun = number
                if owner is None:
                    story = nobody
                    self._count_other(logger)
                    continue
                story, time_text = owner, b""
                shapes, sftp_line, take = story.shapes.get, story.sftp.line, story.take
                story.first = story.first or (number, line, thread, origin)
            if text != time_text:
                now_s = origin.clock(line)
                if now_s is None:  # something else stands where the time should be
                    self._fed(story, number - begun, seen)
                    story, begun = nobody, number
                    self._take_slowly(block, number, line)
                    continue
                time_text, story.now_s = text, now_s
            if kind:
                if connection:
                    story.works_on(thread, connection)
                if kind == SFTP:
                    seen = (number, line, thread, origin)
                    sftp_line(thread, message, seen)
                    continue
            shape = shapes(message)
            if shape is not None:
                seen = (number, line, thread, origin)
                handler, channel, words = shape
                if handler is not None:
                    handler(thread, channel, words, seen)
            elif message[:17] == b"starting thread (":
                self._fed(story, number - begun, seen)
                story, begun = nobody, number
                self._take_slowly(block, number, line)
            else:
                seen = (number, line, thread, origin)
                take(thread, message, seen)
        self._fed(story, number + 1 - begun, seen)

    def _fed(self, story: Story, count: int, seen: Seen | None) -> None:
        """Counts what a story was told since it was last counted."""
        if story.first is not None and count:
            story.messages += count
            self.tally.messages += count
            story.last = seen

    def _take_slowly(self, block: Block, number: int, line: bytes) -> None:
        for form in self.forms:
            record = form.parse(line)
            if record is not None:
                self._record(block, number, line, form, record)
                return
        self._unparsed(block, number, line)

    def _unparsed(self, block: Block, number: int, line: bytes) -> None:
        looks = b"paramiko" in line or b"[chan " in line or (not self.forms and recognise(line) is not None)
        if looks and self._said is None and len(self.forms) < MAX_FORMS and self._checked < 2000:
            self._checked += 1
            form = detect([line[:4096]])
            if form is not None and form not in self.forms:
                record = form.parse(line)
                if record is not None:
                    self.forms.append(form)
                    self.tally.forms.append(form.name)
                    self._record(block, number, line, form, record)
                    return
        binary = b"\x00" in line
        if binary or (looks and b'File "' not in line and self._checked < 2000):
            self.tally.unread += 1
            self.tally.unread_example = self.tally.unread_example or number
        else:
            self.tally.continued += 1

    def _record(self, block: Block, number: int, line: bytes, form: Form, record: Record) -> None:
        time_s, process, thread, logger, message, connection = record
        mine = self._loggers.get(logger)
        if mine is None:
            if logger is not None and (logger == b"paramiko" or logger.startswith(b"paramiko.")):
                mine = self._loggers[logger] = True
            elif message.startswith(b"starting thread (") and recognise(message) is not None:
                if logger is not None:  # Transport.set_log_channel gave it a name of its own
                    self._loggers[logger] = self._loggers[logger + b".sftp"] = True
                    self._heads.forget()
                mine = True
            else:
                mine = logger is None and recognise(split_channel(message)[1]) is not None
        sftp = logger is not None and logger.endswith(b".sftp")
        origin = self._origin(block.file, form)
        if not mine:
            name = "(no logger)" if logger is None else logger.decode("utf-8", "replace")[:80]
            self._heads.learn(line, record, Head(None, b"", origin, PLAIN, b"", name), self.tally.lines)
            self._count_other(name)
            return
        if b"\n" in message:
            message = message.partition(b"\n")[0]
        story = self._story(process)
        if time_s is not None:
            story.now_s = time_s
        seen = (number, line, thread, origin)
        if message[:17] == b"starting thread (":
            if form.threads in ("number", "name"):
                if story.is_new_run(thread):
                    story = self._next_run(story, seen)
            else:
                story.forget_thread(thread)
        else:
            kind = SFTP if sftp else TOLD if connection else PLAIN
            self._heads.learn(line, record, Head(story, thread, origin, kind, connection, ""), self.tally.lines)
            if connection:
                story.works_on(thread, connection)
        self.tally.messages += 1
        story.feed(thread, sftp, message, seen)

    def _count_other(self, name: str) -> None:
        if len(self.tally.others) < 1000 or name in self.tally.others:
            self.tally.others[name] += 1


def _number_name(thread: bytes) -> str:
    return f"thread {thread.decode('ascii', 'replace')}" if thread else ""


def _plain_name(thread: bytes) -> str:
    text = thread.decode("utf-8", "replace")[:100]
    return f"thread {text}" if text.isdigit() else text


def form_named(name: str) -> Form:
    """The form that ``--log-format`` means: paramiko, paramedic, basic, json, or a format string of `logging`.

    Raises:
        ValueError: it means none.

    Threads: pure.
    """
    known = {"paramiko": FORMS[0], "paramedic": PARAMEDIC_FORM, "basic": FORMS[2], "json": FORMS[-2]}
    if name in known:
        return known[name]
    from paramedic.logs.forms import form_of_format

    return form_of_format(name)
