"""SSH connection messages (RFC 4254) as bytes, without building a ``paramiko.Message`` for each."""

from __future__ import annotations

import struct

# Message numbers: RFC 4254 section 9, RFC 4250 section 4.1.2.
GLOBAL_REQUEST = 80
CHANNEL_OPEN = 90
CHANNEL_OPEN_CONFIRMATION = 91
CHANNEL_OPEN_FAILURE = 92
CHANNEL_WINDOW_ADJUST = 93
CHANNEL_DATA = 94
CHANNEL_EXTENDED_DATA = 95
CHANNEL_EOF = 96
CHANNEL_CLOSE = 97
CHANNEL_REQUEST = 98
CHANNEL_SUCCESS = 99
CHANNEL_FAILURE = 100

MOST_REQUEST_BYTES = 250_000
"""OpenSSH ends the whole connection, with all that runs on it, at a packet of more than 256 KiB (packet.c)."""

_NUMBER = struct.Struct(">I")
_THREE_NUMBERS = struct.Struct(">III")


class Sender:
    """Who a packet belongs to: once its CLOSE is sent, nothing of it may follow (RFC 4254 section 5.3)."""

    __slots__ = ("close_sent",)

    def __init__(self) -> None:
        """Starts with nothing sent.

        Threads: any thread; it does not block.
        """
        self.close_sent = False


class Packet:
    """One message ready to be encrypted; it has the one method of ``paramiko.Message`` that sending needs."""

    __slots__ = ("data", "sender")

    def __init__(self, data: bytes, sender: Sender | None = None) -> None:
        """Keeps ``data``; ``sender`` lets a link drop it when its channel was closed meanwhile.

        Threads: any thread; it does not block.
        """
        self.data = data
        self.sender = sender

    def asbytes(self) -> bytes:
        """The message, as ``Packetizer.send_message`` wants it.

        Threads: any thread; it does not block.
        """
        return self.data


def number_at(message: memoryview | bytes, at: int) -> int:
    """The 32-bit number at ``at``.

    Raises:
        struct.error: the message ends before it does.

    Threads: any thread; it does not block.
    """
    return int(_NUMBER.unpack_from(message, at)[0])


def three_numbers_at(message: memoryview | bytes, at: int) -> tuple[int, int, int]:
    """The three 32-bit numbers from ``at`` on.

    Raises:
        struct.error: the message ends before they do.

    Threads: any thread; it does not block.
    """
    return _THREE_NUMBERS.unpack_from(message, at)


def string_at(message: memoryview | bytes, at: int) -> bytes:
    """The string at ``at``, whose length comes first.

    Raises:
        struct.error: the message ends before its length does.
        ValueError: the message ends before it does.

    Threads: any thread; it does not block.
    """
    end = at + 4 + int(_NUMBER.unpack_from(message, at)[0])
    if end > len(message):
        raise ValueError("a string is longer than its message")
    return bytes(message[at + 4 : end])


def string(value: bytes) -> bytes:
    """RFC 4251 section 5: bytes with their length before them.

    Threads: any thread; it does not block.
    """
    return _NUMBER.pack(len(value)) + value


def login_service() -> bytes:
    """RFC 4253 section 10: a request for the service that logs in.

    Threads: any thread; it does not block.
    """
    return b"\x05" + string(b"ssh-userauth")


def key_login(username: str, algorithm: str, public: bytes) -> bytes:
    """RFC 4252 section 7: a request to log in with a key, without its signature, which is for this behind the session.

    Threads: any thread; it does not block.
    """
    words = username.encode(), b"ssh-connection", b"publickey"
    return b"\x32" + b"".join(map(string, words)) + b"\x01" + string(algorithm.encode()) + string(public)


def open_session(channel: int, window_bytes: int, packet_bytes: int) -> bytes:
    """RFC 4254 section 6.1: a request for a session.

    Threads: any thread; it does not block.
    """
    return b"\x5a\x00\x00\x00\x07session" + struct.pack(">III", channel, window_bytes, packet_bytes)


def request(remote: int, kind: bytes, payload: bytes = b"", *, want_reply: bool = False) -> bytes:
    """RFC 4254 section 5.4: a request about a channel.

    Threads: any thread; it does not block.
    """
    return struct.pack(">BI", CHANNEL_REQUEST, remote) + string(kind) + (b"\x01" if want_reply else b"\x00") + payload


def execute(remote: int, command: bytes) -> bytes:
    """RFC 4254 section 6.5: run a command; the server answers.

    Threads: any thread; it does not block.
    """
    return request(remote, b"exec", string(command), want_reply=True)


def subsystem(remote: int, name: bytes) -> bytes:
    """RFC 4254 section 6.5: start a subsystem ("sftp"); the server answers.

    Threads: any thread; it does not block.
    """
    return request(remote, b"subsystem", string(name), want_reply=True)


def environment(remote: int, name: bytes, value: bytes) -> bytes:
    """RFC 4254 section 6.4: one environment variable; servers may ignore it.

    Threads: any thread; it does not block.
    """
    return request(remote, b"env", string(name) + string(value))


def terminal(remote: int, term: bytes, columns: int, rows: int) -> bytes:
    """RFC 4254 section 6.2: a pseudo-terminal for the session.

    Threads: any thread; it does not block.
    """
    payload = string(term) + struct.pack(">IIII", columns, rows, 0, 0) + string(b"\x00")
    return request(remote, b"pty-req", payload)


def signal(remote: int, name: bytes) -> bytes:
    """RFC 4254 section 6.9: deliver a signal ("TERM", without "SIG") to the remote process.

    Threads: any thread; it does not block.
    """
    return request(remote, b"signal", string(name))


def data(remote: int, payload: bytes) -> bytes:
    """RFC 4254 section 5.2: input for the remote process.

    Threads: any thread; it does not block.
    """
    return struct.pack(">BII", CHANNEL_DATA, remote, len(payload)) + payload


def adjust(remote: int, count: int) -> bytes:
    """RFC 4254 section 5.2: room for ``count`` more bytes of output.

    Threads: any thread; it does not block.
    """
    return struct.pack(">BII", CHANNEL_WINDOW_ADJUST, remote, count)


def eof(remote: int) -> bytes:
    """RFC 4254 section 5.3: no more input comes.

    Threads: any thread; it does not block.
    """
    return struct.pack(">BI", CHANNEL_EOF, remote)


def close(remote: int) -> bytes:
    """RFC 4254 section 5.3: the channel is over.

    Threads: any thread; it does not block.
    """
    return struct.pack(">BI", CHANNEL_CLOSE, remote)


def ping() -> bytes:
    """A global request that every server must answer, if only with "failure" (RFC 4254 section 4).

    Threads: any thread; it does not block.
    """
    return struct.pack(">B", GLOBAL_REQUEST) + string(b"keepalive@openssh.com") + b"\x01"


def request_failure(remote: int) -> bytes:
    """RFC 4254 section 5.4: "no" to a request that wanted an answer.

    Threads: any thread; it does not block.
    """
    return struct.pack(">BI", CHANNEL_FAILURE, remote)
