"""Windows and packets: what `Transport.set_hexdump` and `Channel.ultra_debug` add to a log.

Paramiko logs neither the data that it receives nor the window that it gives back, unless it is told to. When it is,
an undrained stream can be seen: as many bytes as the window has came in, and none were given back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramedic.logs.actors import Channel, Seen, Transport, line_of
from paramedic.logs.facts import StreamSharing, WindowFull

if TYPE_CHECKING:
    from paramedic.logs.channels import Channels

WINDOW_BYTES = 2_097_152
"""Paramiko's window (common.py, DEFAULT_WINDOW_SIZE) since 1.15."""
MAX_HEX = 5_000
"""Most lines of one packet's dump that are kept."""
CHANNEL_DATA, EXTENDED_DATA = 94, 95


class PacketDump:
    """What the packets of one process say about windows.

    Attributes:
        busy: the log has lines of this kind.
        shared: streams that several threads took part in.
    """

    def __init__(self, story: Channels) -> None:
        self._story = story
        self._hex: dict[bytes, list[bytes]] = {}
        self._unread: dict[Channel, tuple[int, int, Seen, bool]] = {}
        self.busy = False
        self.shared: list[StreamSharing] = []

    def hex_line(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        """A line of bytes.

        Threads: for the one thread that reads.
        """
        self.busy = True
        if message[:4] == b"IN: ":
            lines = self._hex.setdefault(thread, [])
            lines.append(message[4:51])
            if len(lines) > MAX_HEX:
                del lines[: MAX_HEX // 2]
            if len(self._hex) > 4096:
                self._hex.clear()

    def packet(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        """A packet was read or written.

        Threads: for the one thread that reads.
        """
        self.busy = True
        transport = self._story.transports.get(thread)
        if message[:4] == b"Read":
            dump = self._hex.pop(thread, [])
            if transport is None:
                return
            name, _, length = message[13:].partition(b">, length ")
            size = int(length) if length.isdigit() and len(length) < 10 else 0
            if name in (b"channel-data", b"channel-extended-data"):
                channel = self._channel(transport, dump, size)
                if channel is not None:
                    out, err, _, writing = self._unread.get(channel, (0, 0, seen, False))
                    if name == b"channel-data":
                        out += max(size - 9, 0)
                    else:
                        err += max(size - 13, 0)
                    self._unread[channel] = (out, err, seen, writing)
        elif b"<channel-window-adjust>" in message:
            # Whose window it is, only the bytes say, by the peer's number: better to forget too much than too little.
            self._unread.clear()
        elif b"<channel-data>" in message:
            for channel, (out, err, line, _) in self._unread.items():
                self._unread[channel] = (out, err, line, True)

    def _channel(self, transport: Transport, dump: list[bytes], size: int) -> Channel | None:
        # The packet without its length: padding length, type, the channel's number. Its dump is the last of two; the
        # first may be one block (packet.py, read_message).
        for lines in range((size + 5) // 16, (size + 255) // 16 + 2):
            if 0 < lines <= len(dump):
                head = dump[-lines].split()
                if len(head) >= 6 and head[1] in (b"5E", b"5F") and _is_hex(head[2:6]):
                    return transport.channels.get(str(int(b"".join(head[2:6]), 16)).encode())
        return next(iter(transport.channels.values())) if len(transport.channels) == 1 else None

    def window(self, channel: Channel, message: bytes, seen: Seen) -> None:
        """A thread that uses a channel logged a change of its window (ultra_debug).

        Threads: for the one thread that reads.
        """
        self.busy = True
        if message.startswith(b"window down"):
            channel.writers = _with(channel.writers, seen)
        elif message.startswith(b"addwindow") and not message.startswith(b"addwindow send"):
            channel.readers = _with(channel.readers, seen)

    def finish(self, channel: Channel) -> None:
        """The channel has ended: its unread bytes harm nobody any more.

        Threads: for the one thread that reads.
        """
        self._unread.pop(channel, None)
        if channel.readers is not None or channel.writers is not None:
            self.report_sharing(channel)

    def report_sharing(self, channel: Channel) -> None:
        """Says which threads took part in each direction of a channel.

        Threads: for the one thread that reads.
        """
        for direction, turns in (("reading", channel.readers), ("writing", channel.writers)):
            threads = list(dict.fromkeys(s[2] for s in turns or ()))
            if turns is not None and len(threads) > 1 and len(self.shared) < 100:
                firsts = [next(s for s in turns if s[2] == t) for t in threads[:8]]
                self.shared.append(
                    StreamSharing(
                        channel=channel.facts(),
                        direction=direction,
                        threads=tuple(s[3].name_of(s[2]) for s in firsts),
                        lines=tuple(map(line_of, firsts)),
                        turns=len(turns),
                    )
                )
        channel.readers = channel.writers = None

    def full(self) -> list[WindowFull]:
        """The windows that are used up now.

        Threads: for the one thread that reads.
        """
        return [
            WindowFull(
                transport="" if channel.owner is None else channel.owner.name,
                channel=int(channel.number),
                window=WINDOW_BYTES,
                stdout=out,
                stderr=err,
                line=line_of(line),
                writing=writing,
            )
            for channel, (out, err, line, writing) in self._unread.items()
            if out + err == WINDOW_BYTES and channel.eof_received is None
        ]


def _is_hex(words: list[bytes]) -> bool:
    return all(len(w) == 2 and not w.strip(b"0123456789ABCDEFabcdef") for w in words)


def _with(turns: list[Seen] | None, seen: Seen) -> list[Seen]:
    """The turns with this one, if the thread changed."""
    if turns is None:
        return [seen]
    if turns[-1][2] != seen[2] and len(turns) < 64:
        turns.append(seen)
    return turns
