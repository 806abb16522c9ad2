"""What went well this time and need not the next: reads that nothing limits, streams that are read one after the other
or not at all.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

from paramedic.analysis.calls import Call
from paramedic.analysis.channels import LARGE_BYTES, Channels
from paramedic.analysis.machine import SFTP_FILE, Listener, Root
from paramedic.analysis.operations import READS, SFTP_CALLS
from paramedic.model.event import ERR, OUT

_OPENS_COMMAND = "SSHClient.exec_command"


@dataclass(slots=True)
class Habit:
    """The same thing done again and again from one place.

    Attributes:
        call: the first of the calls.
        count: how many there were.
        threads: who made them.
        transport: over which the first of them went.
    """

    call: Call
    count: int
    threads: set[int]
    transport: int = 0


@dataclass(slots=True)
class InTurn:
    """One thread read one stream of a command to its end, and then the other.

    Attributes:
        first: the read that ended the one stream.
        second: the first read of the other.
        unread: how much had come of the other meanwhile, at most.
        window_bytes: which both share.
        transport: id of the one of the first time.
        threads: who read so.
        count: how often from the same two places.
    """

    first: Call
    second: Call
    unread: int
    window_bytes: int
    transport: int
    threads: set[int]
    count: int = 1


class Practice:
    """All that came to its end.

    Args:
        channels: what is known of each channel.

    Attributes:
        unlimited: reads that waited with no timeout set, by the stack of the caller.
        in_turn: streams that were read one after the other, by the stacks of both readers.
    """

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self._commands: set[int] = set()
        self._limited: set[int] = set()
        self._heeded: set[int] = set()
        self._polled: set[int] = set()
        self._first_ended: dict[int, tuple[int, Call]] = {}
        self._unread: dict[int, Habit] = {}
        self.unlimited: dict[int, Habit] = {}
        self.in_turn: dict[tuple[int, int], InTurn] = {}
        self.begins: dict[str, Listener] = {
            **dict.fromkeys(SFTP_CALLS, self._asks),
            "Channel.settimeout": self._limits,
            **dict.fromkeys(READS, self._reads),
            "Channel.exec_command": self._command,
            "Channel.recv_ready": self._polls,
            "Channel.recv_stderr_ready": self._heeds,
            "Channel.set_combine_stderr": self._heeds,
            "Channel.get_pty": self._heeds,
        }
        files = [f"{stream}:{name}" for name in READS if name.startswith("File.") for stream in ("stdout", "stderr")]
        self.ends: dict[str, Listener] = dict.fromkeys(("Channel.recv", "Channel.recv_stderr", *files), self._has_read)

    def unread_errors(self) -> list[Habit]:
        """Commands whose stdout was read to its end, and their stderr never, by where stdout was read."""
        for channel in list(self._first_ended):
            self.gone(channel)
        return list(self._unread.values())

    def gone(self, channel: int) -> None:
        """A channel is no more: nobody will read its stderr."""
        stream, call = self._first_ended.pop(channel, (ERR, None))
        self._commands.discard(channel)
        self._limited.discard(channel)
        self._polled.discard(channel)
        if channel in self._heeded:
            self._heeded.discard(channel)
        elif call is not None and stream == OUT:
            _count(self._unread, call)

    def _limits(self, call: Call, root: Root) -> None:
        if call.argument > 0:
            self._limited.add(root.channel)

    def _asks(self, call: Call, root: Root) -> None:
        """An SFTP call waits for its answer as long as its client's channel lets it."""
        if root.channel and root.channel not in self._limited:
            _count(self.unlimited, call, root.transport)

    def _command(self, call: Call, root: Root) -> None:
        self._commands.add(root.channel)

    def _heeds(self, call: Call, root: Root) -> None:
        if root.channel:
            self._heeded.add(root.channel)

    def _polls(self, call: Call, root: Root) -> None:
        self._polled.add(root.channel)

    def _reads(self, call: Call, root: Root) -> None:
        channel = root.channel
        if not channel:
            return
        if root.shape == SFTP_FILE:
            self._asks(call, root)
            return
        stream = ERR if root.stream == ERR or call.name == "Channel.recv_stderr" else OUT
        if stream == ERR:
            self._heeded.add(channel)
        known = self._channels.alive.get(channel) or self._channels.of(channel)
        unread = known.unread[stream]
        # some output after the errors is what a command has; some errors after the output could as well be many
        if unread >= (LARGE_BYTES if stream == OUT else 1):
            ended, first = self._first_ended.get(channel, (stream, call))
            to_its_end = not first.result or first.name == "File.read"
            if ended != stream and first.thread == call.thread and to_its_end:
                self._reads_in_turn(first, call, unread, known.window_bytes, root.transport)
                del self._first_ended[channel]
        elif not unread and call.argument < 0 and not known.eof_ns and not known.close_ns:
            _count(self.unlimited, call, root.transport)

    def _reads_in_turn(self, first: Call, second: Call, unread: int, window_bytes: int, transport: int) -> None:
        known = self.in_turn.get((first.stack, second.stack))
        if known is None:
            self.in_turn[first.stack, second.stack] = InTurn(
                first, second, unread, window_bytes, transport, {first.thread}
            )
        else:
            known.count += 1
            known.threads.add(first.thread)
            known.unread = max(known.unread, unread)

    def _has_read(self, call: Call, root: Root) -> None:
        channel = root.channel
        if not channel:
            return
        known = self._channels.alive.get(channel) or self._channels.of(channel)
        if not known.eof_ns or known.pty:
            return
        stream = ERR if call.name == "Channel.recv_stderr" or root.stream == ERR else OUT
        if known.unread[stream] > max(0, call.result):
            return  # the channel itself learns only after us what was read
        if channel in self._heeded if stream == OUT else known.was_read[OUT] or channel in self._polled:
            return  # the other stream is read as well as this one
        if channel in self._first_ended:
            if self._first_ended[channel][0] == stream:
                self._first_ended[channel] = stream, call
        elif channel in self._commands or known.opener is not None and known.opener.name == _OPENS_COMMAND:
            self._first_ended[channel] = stream, call


def _count(habits: dict[int, Habit], call: Call, transport: int = 0) -> None:
    known = habits.get(call.stack)
    if known is None:
        habits[call.stack] = Habit(call, 1, {call.thread}, transport)
    else:
        known.count += 1
        known.threads.add(call.thread)
