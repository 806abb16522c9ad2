"""Who and what there is in a recording: threads and objects, with names that people use for them.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from paramedic.model.finding import Site


@dataclass(slots=True)
class Thread:
    """A thread.

    Attributes:
        number: ours.
        name: what the program calls it.
        started_at: text id of the stack that started it.
        starter: number of the thread that did.
        start: the moment at which it did, on that thread's clock.
        transport: id of the Transport whose thread it is, or 0.
        begun_ns: when it was first seen.
        ended_ns: when it ended, or 0.
        death: text of the exception that ended it, or "".
        kind: its class, where that is not Thread itself: "Timer".
        native: the system's number of it, or 0.
        daemon: whether the program does not wait for it at its end.
        guards: whether it is a Timer that ends the program, and wakes nobody.
    """

    number: int
    name: str
    started_at: int = 0
    starter: int = 0
    start: tuple[int, int] = (0, 0)
    transport: int = 0
    begun_ns: int = 0
    ended_ns: int = 0
    death: str = ""
    kind: str = ""
    native: int = 0
    daemon: bool = False
    guards: bool = False


class Thing:
    """An object of the program's.

    Attributes:
        ident: its id in the recording.
        kind: its class, in Paramiko's or the standard library's words; "object" if its creation was not seen.
        born: text id of the stack that made it.
        parent: id of what it belongs to (a channel's transport, a file's channel), or 0.
        number: the channel's number, or the stream of a channel file.
        ordinal: the how-manieth of its kind.
        label: what tells it apart for people: "to web1:2222".
        thread: number of the thread that made it.
        remote: the peer's number of a channel.
        before: whether it was made before the recording began.
    """

    __slots__ = ("before", "born", "ident", "kind", "label", "number", "ordinal", "parent", "remote", "thread")

    def __init__(
        self, ident: int, kind: str, born: int, parent: int, number: int, ordinal: int, thread: int,
    ) -> None:  # fmt: skip
        self.ident = ident
        self.kind = kind
        self.born = born
        self.parent = parent
        self.number = number
        self.ordinal = ordinal
        self.label = ""
        self.thread = thread
        self.remote = -1
        self.before = False


_PLAIN = {
    "SSHClient": "client", "Transport": "connection", "Channel": "channel", "SFTPClient": "SFTP client",
    "SFTPFile": "SFTP file", "ChannelFile": "stream", "HostKeys": "host keys", "Lock": "lock", "RLock": "lock",
    "Queue": "queue", "SimpleQueue": "queue", "Event": "event", "Semaphore": "semaphore", "Future": "future",
    "Condition": "condition", "Barrier": "barrier", "ProxyCommand": "proxy command",
}  # fmt: skip
_STREAMS = ("stdout", "stderr", "stdin")


_END_IS_TOLD = frozenset(("Channel", "ChannelFile", "SFTPFile"))
_MOST_GONE = 5_000
"""So many freed objects, at least, keep their names, for findings that speak of them."""
_MOST_KEPT = 5_000
"""So many objects of each kind whose end nobody tells: futures, events, locks, clients. The first ones lose their
names."""


class World:
    """All threads and objects so far.

    Args:
        texts: of the recording, by id.
    """

    def __init__(self, texts: Mapping[int, str]) -> None:
        self._texts = texts
        self.threads: dict[int, Thread] = {}
        self.things: dict[int, Thing] = {}
        self._counts: dict[str, int] = {}
        self._pinned: set[int] = set()
        # those that were freed lately, and those before them: to drop one by one from a dict's front costs a scan of it
        self._gone: dict[int, Thing] = {}
        self._older: dict[int, Thing] = {}
        self._kept: dict[str, deque[int]] = {}
        self._stacks: dict[int, tuple[Site, ...]] = {0: ()}
        self.owned: dict[int, bool] = {0: False}
        self._theirs: dict[int, Site | None] = {0: None}

    def text(self, ident: int) -> str:
        """A text by id; "" if it was lost."""
        return self._texts.get(ident, "")

    def thread(self, number: int) -> Thread:
        """A thread by number, known or not."""
        thread = self.threads.get(number)
        if thread is None:
            thread = self.threads[number] = Thread(number, f"thread-{number}")
        return thread

    def born(self, ident: int, kind: str, stack: int, parent: int, number: int, thread: int) -> Thing:
        """A new object."""
        if kind == "ChannelFile":  # of the commonest objects nobody counts the how-manieth it is
            thing = self.things[ident] = Thing(ident, kind, stack, parent, number, 0, thread)
            return thing
        word = _PLAIN.get(kind, kind)  # a Lock and an RLock are both "lock #1" and "#2" to the reader
        ordinal = self._counts[word] = self._counts.get(word, 0) + 1
        thing = self.things[ident] = Thing(ident, kind, stack, parent, number, ordinal, thread)
        if kind not in _END_IS_TOLD:
            kept = self._kept.get(kind)
            if kept is None:
                kept = self._kept[kind] = deque()
            kept.append(ident)
            if len(kept) > _MOST_KEPT:
                self.gone(kept.popleft())
        return thing

    def thing(self, ident: int) -> Thing:
        """An object by id, known or not."""
        thing = self._find(ident)
        return thing if thing is not None else self.born(ident, "object", 0, 0, 0, 0)

    def _find(self, ident: int) -> Thing | None:
        return self.things.get(ident) or self._gone.get(ident) or self._older.get(ident)

    def gone(self, ident: int) -> None:
        """The object was freed."""
        if ident not in self._pinned:
            thing = self.things.pop(ident, None)
            if thing is not None:
                self._gone[ident] = thing
                if len(self._gone) > _MOST_GONE:
                    self._older, self._gone = self._gone, {}

    def pin(self, ident: int) -> None:
        """Keep the names of an object and its owners: a fact speaks of them."""
        while ident and ident not in self._pinned:
            self._pinned.add(ident)
            gone = self._gone.pop(ident, None) or self._older.pop(ident, None)
            if gone is not None:
                self.things[ident] = gone
            ident = self.thing(ident).parent

    def is_pinned(self, ident: int) -> bool:
        """Whether a fact speaks of the object."""
        return ident in self._pinned

    def root(self, ident: int, kind: str) -> Thing | None:
        """The object itself or its nearest owner that is of this kind."""
        seen = 0
        thing = self._find(ident)
        while thing is not None and seen < 8:
            if thing.kind == kind:
                return thing
            thing = self._find(thing.parent)
            seen += 1
        return None

    def stack(self, ident: int) -> tuple[Site, ...]:
        """The user's frames of an interned stack, innermost first; installed packages' frames are among them."""
        known = self._stacks.get(ident)
        if known is None:
            known = tuple(s for frame in self._frames(ident) if (s := self._site(frame)) is not None)
            self._stacks[ident] = known
        return known

    def _frames(self, ident: int) -> list[int]:
        """The text ids of a stack's frames; none if the text is lost, or is none of a stack."""
        words = self.text(ident).split()
        return [int(word) for word in words[1:] if word.isdecimal()] if words and words[0] == "S" else []

    def owns(self, ident: int) -> bool:
        """Whether a line of the user's own is in a stack, and not only installed packages' lines."""
        known = self.owned.get(ident)
        if known is None:
            known = self.owned[ident] = any(self.text(frame).startswith("F\t") for frame in self._frames(ident))
        return known

    def site(self, ident: int) -> Site | None:
        """Where in the user's own code: the innermost frame that is not an installed package's, else the innermost.

        Code that was made as a text, as a dataclass's ``__init__``, has no line that anybody could look at: it is left
        out where it was called from a file.
        """
        if ident not in self._theirs:
            frames = self._frames(ident)
            own = [frame for frame in frames if self.text(frame).startswith("F\t")]
            of_files = (frame for frame in own if not self.text(frame).startswith("F\t<"))
            chosen = next(of_files, None) or next(iter(own or frames), None)
            self._theirs[ident] = self._site(chosen) if chosen is not None else None
        return self._theirs[ident]

    def importing(self, ident: int) -> tuple[Site, Site | None] | None:
        """The module whose import a stack is part of, where its body was, and who imported it; None if none is."""
        frames = self._frames(ident)
        for position, frame in enumerate(frames):
            if self.text(frame).endswith("\timport"):
                module = self._site(frame)
                importer = next((s for f in frames[position + 1 :] if (s := self._site(f)) is not None), None)
                return (module, importer) if module is not None else None
        return None

    def _site(self, ident: int) -> Site | None:
        parts = self.text(ident).split("\t")
        if len(parts) not in (4, 5) or not parts[2].isdigit():
            return None
        return Site(file=parts[1], line=int(parts[2]), function=parts[3])

    def name(self, ident: int, labelled: bool = True) -> str:
        """A human name: "client #2 to web1 (made at deploy.py:31)"; without "to web1" if it is not to be labelled."""
        thing = self.thing(ident)
        if thing.kind in ("ChannelFile",):
            stream = _STREAMS[thing.number] if thing.number < len(_STREAMS) else "stream"
            return f"{stream} of {self.name(thing.parent)}"
        words = _PLAIN.get(thing.kind, thing.kind)
        label = thing.label if labelled else ""
        if thing.kind == "Channel":
            owner = self.thing(thing.parent) if thing.parent else None
            over = f" of {self._short(owner)}" if owner is not None else ""
            return f"channel {thing.number}{over}"
        if not label and thing.parent and thing.kind in ("SFTPClient", "SFTPFile"):
            owner = self.root(thing.parent, "Transport")
            label = owner.label if owner is not None else ""
        site = self.site(thing.born)
        made = f" (made at {os.path.basename(site.file)}:{site.line})" if site is not None else ""
        made = " (made before the recording)" if thing.before else made
        return f"{words} #{thing.ordinal}{' ' + label if label else ''}{made}"

    def _short(self, thing: Thing) -> str:
        return f"{_PLAIN.get(thing.kind, thing.kind)} #{thing.ordinal}{' ' + thing.label if thing.label else ''}"

    def thread_name(self, number: int) -> str:
        """A human name of a thread; a transport's own thread is called after its connection."""
        thread = self.thread(number)
        if thread.transport:
            return f"{thread.name} (transport thread of {self._short(self.thing(thread.transport))})"
        return thread.name
