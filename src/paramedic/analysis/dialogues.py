"""Dialogues on one channel: a thread sends a question and receives the answer, and another thread does so, too.

Each call may be made under a lock; if the lock is let go between question and answer, another thread's question comes
between the two, and the answers go astray (paramiko/channel.py: a `Channel` is one stream of bytes each way, 5.1.0).
A thread that only sends beside one that only receives has no dialogue.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from paramedic.analysis.calls import Call
from paramedic.analysis.machine import Listener, Root
from paramedic.analysis.operations import READS, WRITES
from paramedic.model.event import IN, OUT

_MOST_FOUND = 1000


@dataclass(frozen=True, slots=True)
class TornDialogue:
    """Another thread's question came between a thread's question and its answer, or could have.

    Attributes:
        channel: id.
        asked: the question.
        intruder: the other thread's question.
        answered: the call that received the answer.
        happened: whether it came between the two in this run; else it could have.
    """

    channel: int
    asked: Call
    intruder: Call
    answered: Call
    happened: bool


@dataclass(slots=True)
class _Channel:
    last: Call | None = None
    asked: dict[int, Call] = field(default_factory=dict)
    """The latest question of each thread."""
    hears: set[int] = field(default_factory=set)
    between: dict[int, TornDialogue] = field(default_factory=dict)
    """By the number of the other thread: what it tore, if it turns out to receive answers itself."""
    pairs: dict[int, tuple[Call, Call]] = field(default_factory=dict)
    """The latest dialogue of each thread whose calls were each under a lock that did not hold them together."""


class Dialogues:
    """Watches who sends and who receives on which channel."""

    def __init__(self) -> None:
        self.found: dict[tuple[int, int], TornDialogue] = {}
        self._channels: dict[int, _Channel] = {}
        self.begins: dict[str, Listener] = {**dict.fromkeys(WRITES, self._asks), **dict.fromkeys(READS, self._hears)}
        self.ends: dict[str, Listener] = {}

    def forget(self, channel: int) -> None:
        """The channel is gone."""
        self._channels.pop(channel, None)

    def _asks(self, call: Call, root: Root) -> None:
        if not root.channel or root.sftp or root.kind == "ChannelFile" and root.stream != IN:
            return
        channel = self._channels.get(root.channel)
        if channel is None:
            channel = self._channels[root.channel] = _Channel()
        channel.last = channel.asked[call.thread] = call

    def _hears(self, call: Call, root: Root) -> None:
        channel = self._channels.get(root.channel)
        if channel is None or root.kind == "ChannelFile" and root.stream != OUT or call.name == "Channel.recv_stderr":
            return
        thread = call.thread
        channel.hears.add(thread)
        torn = channel.between.pop(thread, None)
        if torn is not None:
            self._note(torn)
        asked, last = channel.asked.get(thread), channel.last
        if asked is None or last is None:
            return
        if last.thread != thread:
            torn = TornDialogue(root.channel, asked, last, call, True)
            if last.thread in channel.hears:
                self._note(torn)
            else:
                channel.between[last.thread] = torn
        elif asked.holds and call.holds and not call.in_one_hold_with(asked):
            # Calls without a lock are ordered by locks between them, such as a condition's that says whose turn it is;
            # where each call has a lock of its own, that lock puts any two calls in an order that means nothing.
            for other, (question, _) in channel.pairs.items():
                if other != thread and question.apart_from(asked) and question.apart_from(call):
                    self._note(TornDialogue(root.channel, asked, question, call, False))
            channel.pairs[thread] = asked, call

    def _note(self, torn: TornDialogue) -> None:
        key = (torn.asked.stack, torn.intruder.stack)
        known = self.found.get(key)
        if len(self.found) < _MOST_FOUND and (known is None or torn.happened and not known.happened):
            self.found[key] = torn
