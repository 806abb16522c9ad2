"""What went well this time and need not the next: reads that nothing limits, and errors that nobody reads.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

from paramedic.analysis.calls import Call
from paramedic.analysis.channels import Channels
from paramedic.analysis.machine import Listener, Root
from paramedic.analysis.operations import READS
from paramedic.model.event import ERR, OUT

_OPENS_COMMAND = "SSHClient.exec_command"


@dataclass(slots=True)
class Habit:
    """The same thing done again and again from one place.

    Attributes:
        call: the first of the calls.
        count: how many there were.
        threads: who made them.
    """

    call: Call
    count: int
    threads: set[int]


class Practice:
    """All that came to its end.

    Args:
        channels: what is known of each channel.

    Attributes:
        unlimited: reads that waited with no timeout set, by the stack of the caller.
    """

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self._commands: set[int] = set()
        self._heeded: set[int] = set()
        self._ended: dict[int, Call] = {}
        self._unread: dict[int, Habit] = {}
        self.unlimited: dict[int, Habit] = {}
        self.begins: dict[str, Listener] = {
            **dict.fromkeys(READS, self._reads),
            "Channel.exec_command": self._command,
            "Channel.recv_stderr_ready": self._heeds,
            "Channel.set_combine_stderr": self._heeds,
            "Channel.get_pty": self._heeds,
        }
        self.ends: dict[str, Listener] = dict.fromkeys(READS, self._has_read)

    def unread_errors(self) -> list[Habit]:
        """Commands whose stdout was read to its end, and their stderr never, by where stdout was read."""
        for channel in list(self._ended):
            self.gone(channel)
        return list(self._unread.values())

    def gone(self, channel: int) -> None:
        """A channel is no more: nobody will read its stderr."""
        call = self._ended.pop(channel, None)
        self._commands.discard(channel)
        if channel in self._heeded:
            self._heeded.discard(channel)
        elif call is not None:
            _count(self._unread, call)

    def _command(self, call: Call, root: Root) -> None:
        self._commands.add(root.channel)

    def _heeds(self, call: Call, root: Root) -> None:
        if root.channel:
            self._heeded.add(root.channel)
            self._ended.pop(root.channel, None)

    def _reads(self, call: Call, root: Root) -> None:
        if not root.channel:
            return
        stream = ERR if call.name == "Channel.recv_stderr" or root.stream == ERR else OUT
        if stream == ERR:
            self._heeds(call, root)
        known = self._channels.of(root.channel)
        if call.argument < 0 and not known.unread[stream] and not known.eof_ns and not known.close_ns:
            _count(self.unlimited, call)

    def _has_read(self, call: Call, root: Root) -> None:
        channel = root.channel
        if not channel or channel in self._heeded or channel in self._ended:
            return
        known = self._channels.of(channel)
        if not known.eof_ns or known.unread[OUT] > max(0, call.result) or known.pty:
            return  # the channel itself learns only after us what was read
        if channel in self._commands or known.opener is not None and known.opener.name == _OPENS_COMMAND:
            self._ended[channel] = call


def _count(habits: dict[int, Habit], call: Call) -> None:
    known = habits.get(call.stack)
    if known is None:
        habits[call.stack] = Habit(call, 1, {call.thread})
    else:
        known.count += 1
        known.threads.add(call.thread)
