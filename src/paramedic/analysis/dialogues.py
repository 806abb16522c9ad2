"""Dialogues on one channel: a thread sends a question and receives the answer, and another thread does so, too.

Each call may be made under a lock; if the lock is let go between question and answer, another thread's question comes
between the two, and the answers go astray (paramiko/channel.py: a `Channel` is one stream of bytes each way, 5.1.0).
A thread that only sends beside one that only receives has no dialogue.

Nor is there one where whoever receives gives every answer to the thread whose question it is for, as a number in it
tells: then a thread goes on to its next question without having received anything, and has learned, by an event, a
condition or a queue, from one that has.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from paramedic.analysis.actors import Actors
from paramedic.analysis.calls import Call, Informed, apart
from paramedic.analysis.clocks import Clocks, Known
from paramedic.analysis.machine import Listener, Root
from paramedic.analysis.operations import READS, WRITES

_MOST_FOUND = 1000
_KEPT_CALLS = 4


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
    asked: dict[int, Informed] = field(default_factory=dict)
    """The latest question of each thread."""
    heard: dict[int, deque[Call]] = field(default_factory=dict)
    """The latest calls of each thread that received something."""
    looked: set[int] = field(default_factory=set)
    """Threads that have looked whether there is something to receive."""
    matched: bool = False
    """Whether answers were seen to be handed on to those whom they are for."""
    between: dict[int, TornDialogue] = field(default_factory=dict)
    """By the number of the other thread: what it tore, if it turns out to receive answers itself."""
    pairs: dict[int, Informed] = field(default_factory=dict)
    """The question of each thread's latest dialogue whose calls each had a lock that did not hold them together."""


class Dialogues:
    """Watches who sends and who receives on which channel.

    Args:
        clocks: what each thread knows of the others.
        actors: for whom a thread works; "thread" here is one who makes the steps of a dialogue, in whatever threads.
    """

    def __init__(self, clocks: Clocks, actors: Actors) -> None:
        self._clocks = clocks
        self._actors = actors
        self._found: dict[tuple[int, int], TornDialogue] = {}
        self._channels: dict[int, _Channel] = {}
        asks = [f"stdin:{name}" if name.startswith("File.") else name for name in WRITES]
        hears = [f"stdout:{name}" if name.startswith("File.") else name for name in READS - {"Channel.recv_stderr"}]
        self.begins: dict[str, Listener] = {
            **dict.fromkeys(asks, self._asks), **dict.fromkeys(hears, self._hears), "Channel.recv_ready": self._looks,
        }  # fmt: skip
        self.ends: dict[str, Listener] = {}

    def found(self) -> list[TornDialogue]:
        """What was torn, one for each pair of places."""
        return list(self._found.values())

    def forget(self, channel: int) -> None:
        """The channel is gone."""
        self._channels.pop(channel, None)

    def _asks(self, call: Call, root: Root) -> None:
        if not root.channel or root.sftp:
            return
        channel = self._channels.get(root.channel)
        if channel is None:
            channel = self._channels[root.channel] = _Channel()
        known = self._clocks.of(call.thread).weak_known
        before = channel.asked.get(call.actor)
        if before is not None and not channel.matched and _handed_on(channel, before[0], known):
            channel.matched = True
            self._found = {key: torn for key, torn in self._found.items() if torn.channel != root.channel}
        channel.last = call
        channel.asked[call.actor] = call, known

    def _looks(self, call: Call, root: Root) -> None:
        """Who asks, and looks for an answer, has a dialogue, also where another thread takes all answers."""
        channel = self._channels.get(root.channel)
        if channel is not None and not channel.matched and call.actor in channel.asked:
            channel.looked.add(call.actor)
            torn = channel.between.pop(call.actor, None)
            if torn is not None:
                self._note(torn)

    def _hears(self, call: Call, root: Root) -> None:
        channel = self._channels.get(root.channel)
        if channel is None or channel.matched:
            return
        thread = call.actor
        heard = channel.heard.get(thread)
        if heard is None:
            heard = channel.heard[thread] = deque(maxlen=_KEPT_CALLS)
        heard.append(call)
        torn = channel.between.pop(thread, None)
        if torn is not None:
            self._note(torn)
        question, last = channel.asked.get(thread), channel.last
        if question is None or last is None:
            return
        asked = question[0]
        if last.actor != thread:
            if self._actors.are_kin(last.actor, thread):
                return
            torn = TornDialogue(root.channel, asked, last, call, True)
            if last.actor in channel.heard or last.actor in channel.looked:
                self._note(torn)
            else:
                channel.between[last.actor] = torn
        elif asked.holds and call.holds and not call.in_one_hold_with(asked):
            # Calls without a lock are ordered by locks between them, such as a condition's that says whose turn it is;
            # where each call has a lock of its own, that lock puts any two calls in an order that means nothing.
            answer = call, self._clocks.of(call.thread).weak_known
            for other, theirs in channel.pairs.items():
                if other != thread and apart(theirs, question) and apart(theirs, answer):
                    self._note(TornDialogue(root.channel, asked, theirs[0], call, False))
            channel.pairs[thread] = question

    def _note(self, torn: TornDialogue) -> None:
        key = (torn.asked.stack, torn.intruder.stack)
        known = self._found.get(key)
        if len(self._found) < _MOST_FOUND and (known is None or torn.happened and not known.happened):
            self._found[key] = torn


def _handed_on(channel: _Channel, question: Call, known: Known) -> bool:
    """Whether the thread of a question has received nothing since, and knows of another that has."""
    received = [call for calls in channel.heard.values() for call in calls if call.began_ns > question.began_ns]
    return not any(call.actor == question.actor for call in received) and any(known.has(c.epoch) for c in received)
