"""Every message that Paramiko logs, 2.12 to 5.x, and what it means.

The templates are Paramiko's own, with ``{}`` where a value stands. A test takes the templates out of the source of
Paramiko (the installed one, and a stored list for older versions) and checks that none is missing here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a message says; the value is the word for people."""

    TRANSPORT_START = "transport starts"
    LOCAL_VERSION = "own banner sent"
    REMOTE_VERSION = "banner received"
    BANNER = "line before the banner"
    CONNECTED = "connected"
    KEX_START = "key exchange starts"
    KEX_DETAIL = "key exchange"
    KEX_END = "new keys"
    REKEY = "asks for new keys"
    HOST_KEY = "host key"
    HOST_KEY_ADDED = "host key added"
    AUTH_READY = "authentication starts"
    AUTH_TRY = "tries a key"
    AUTH_OK = "authenticated"
    AUTH_FAILED = "authentication failed"
    AUTH_DETAIL = "authentication"
    CHANNEL_OPENING = "opens channel"
    CHANNEL_CONFIRMED = "channel confirmed"
    CHANNEL_OPENED = "channel opened"
    CHANNEL_REFUSED = "channel refused"
    CHANNEL_INCOMING = "peer opens channel"
    REQUEST_OK = "request granted"
    REQUEST_UNKNOWN = "unknown request"
    EOF_SENT = "sends EOF"
    EOF_RECEIVED = "receives EOF"
    WINDOW = "window"
    DEAD_CHANNEL = "message for a channel that is gone"
    UNKNOWN_CHANNEL = "message for a channel that never was"
    GLOBAL_SENT = "sends global request"
    GLOBAL_REPLY = "reply to a global request"
    GLOBAL_RECEIVED = "global request of the peer"
    PACKET_DROPPED = "drops a packet: the connection has ended"
    DISCONNECT = "disconnected by the peer"
    TRANSPORT_EOF = "transport ends"
    SOCKET_ERROR = "transport ends with a socket error"
    EXCEPTION = "transport ends with an exception"
    UNIMPLEMENTED = "message that was not expected"
    UNREQUESTED = "success for a channel that nobody asked for"
    TRACEBACK = "traceback"
    PACKET = "packet"
    HEX = "bytes of a packet"
    SFTP_START = "SFTP session starts"
    SFTP_END = "SFTP session closed"
    SFTP_CALL = "SFTP call"
    SFTP_OPENED = "SFTP file opened"
    SFTP_UNEXPECTED = "SFTP reply that nobody waits for"
    SERVER = "server side"
    DETAIL = "detail"


@dataclass(frozen=True, slots=True)
class Phrase:
    """One message of Paramiko.

    Attributes:
        kind: what it says.
        template: Paramiko's words, ``{}`` for each value.
        versions: "" for all of 2.12 to 5.x, else a note such as "< 4" or ">= 5".
    """

    kind: Kind
    template: str
    versions: str = ""

    def pattern(self) -> re.Pattern[bytes]:
        """Matches the whole message, one group for each value.

        Threads: pure.
        """
        parts = [re.escape(p.encode()) for p in self.template.split("{}")]
        return re.compile(b"(.*?)".join(parts[:-1] + [parts[-1]]) + b"\\Z", re.DOTALL)


SFTP_CALLS = frozenset(
    b"listdir open remove rename posix_rename mkdir rmdir stat lstat symlink chmod chown utime truncate readlink "
    b"normalize close readv".split()
)
"""Names of the calls that `SFTPClient` and `SFTPFile` log when they begin (sftp_client.py, sftp_file.py)."""

_KEX_LISTS = (
    "kex algos",
    "server key",
    "client encrypt",
    "server encrypt",
    "client mac",
    "server mac",
    "client compress",
    "server compress",
    "client lang",
    "server lang",
)
_AGREEMENTS = ("Kex", "HostKey", "Cipher", "MAC", "Compression")

PHRASES: tuple[Phrase, ...] = (
    # transport.py, Transport.run
    Phrase(Kind.TRANSPORT_START, "starting thread (client mode): {}"),
    Phrase(Kind.TRANSPORT_START, "starting thread (server mode): {}"),
    Phrase(Kind.LOCAL_VERSION, "Local version/idstring: {}"),
    Phrase(Kind.REMOTE_VERSION, "Remote version/idstring: {}"),
    Phrase(Kind.BANNER, "Banner: {}"),
    Phrase(Kind.CONNECTED, "Connected (version {}, client {})"),
    Phrase(Kind.EXCEPTION, "Exception (client): {}"),
    Phrase(Kind.EXCEPTION, "Exception (server): {}"),
    Phrase(Kind.EXCEPTION, "Unknown exception: {}"),
    Phrase(Kind.TRANSPORT_EOF, "EOF in transport thread"),
    Phrase(Kind.SOCKET_ERROR, "Socket exception: {}"),
    Phrase(Kind.UNIMPLEMENTED, "Oops, unhandled type {}"),
    Phrase(Kind.DEAD_CHANNEL, "Ignoring message for dead channel {}"),
    Phrase(Kind.UNKNOWN_CHANNEL, "Channel request for unknown channel {}"),
    Phrase(Kind.DISCONNECT, "Disconnect (code {}): {}"),
    Phrase(Kind.PACKET_DROPPED, "Dropping user packet because connection is dead."),
    # transport.py, key exchange
    Phrase(Kind.KEX_START, "=== Key exchange possibilities ==="),
    *(Phrase(Kind.KEX_DETAIL, f"{name}: {{}}") for name in _KEX_LISTS + _AGREEMENTS),
    Phrase(Kind.KEX_DETAIL, "kex follows: {}"),
    Phrase(Kind.KEX_DETAIL, "=== Key exchange agreements ==="),
    Phrase(Kind.KEX_DETAIL, "Strict kex mode: {}", ">= 3.4"),
    Phrase(Kind.KEX_DETAIL, "=== End of kex handshake ==="),
    Phrase(Kind.KEX_DETAIL, "kex engine {} specified hash_algo {}"),
    Phrase(Kind.KEX_DETAIL, "Resetting inbound seqno after NEWKEYS due to strict mode", ">= 3.4"),
    Phrase(Kind.KEX_DETAIL, "Resetting outbound seqno after NEWKEYS due to strict mode", ">= 3.4"),
    Phrase(Kind.KEX_DETAIL, "Switching on inbound compression ..."),
    Phrase(Kind.KEX_DETAIL, "Switching on outbound compression ..."),
    Phrase(Kind.KEX_DETAIL, "Picking p ({} <= {} <= {} bits)"),
    Phrase(Kind.KEX_DETAIL, "Picking p (~ {} bits)"),
    Phrase(Kind.KEX_DETAIL, "Got server p ({} bits)"),
    Phrase(Kind.KEX_END, "Switch to new keys ..."),
    Phrase(Kind.REKEY, "Rekeying (hit {} packets, {} bytes sent)"),
    Phrase(Kind.REKEY, "Rekeying (hit {} packets, {} bytes received)"),
    # host keys
    Phrase(Kind.HOST_KEY, "Host key verified ({})"),
    Phrase(Kind.HOST_KEY, "Bad host key from server"),
    Phrase(Kind.HOST_KEY, "Expected: {}: {}"),
    Phrase(Kind.HOST_KEY, "Got     : {}: {}"),
    Phrase(Kind.HOST_KEY_ADDED, "Adding {} host key for {}: {}"),
    Phrase(Kind.HOST_KEY, "Rejecting {} host key for {}: {}"),
    Phrase(Kind.HOST_KEY, "Not enough fields found in known_hosts in line {} ({})"),
    Phrase(Kind.HOST_KEY, "Unable to handle key of type {}"),
    # authentication: auth_handler.py, auth_strategy.py, client.py, transport.py
    Phrase(Kind.AUTH_READY, "userauth is OK"),
    Phrase(Kind.AUTH_TRY, "Trying SSH key {}"),
    Phrase(Kind.AUTH_TRY, "Trying SSH agent key {}"),
    Phrase(Kind.AUTH_TRY, "Trying discovered key {} in {}"),
    Phrase(Kind.AUTH_TRY, "Trying {}", ">= 3.2"),
    Phrase(Kind.AUTH_OK, "Authentication ({}) successful!"),
    Phrase(Kind.AUTH_FAILED, "Authentication ({}) failed."),
    Phrase(Kind.AUTH_FAILED, "Authentication type ({}) not permitted."),
    Phrase(Kind.AUTH_FAILED, "Authentication continues..."),
    Phrase(Kind.AUTH_DETAIL, "Authentication via {} failed with {}", ">= 3.2"),
    Phrase(Kind.AUTH_DETAIL, "Methods: {}"),
    Phrase(Kind.AUTH_DETAIL, "Allowed methods: {}"),
    Phrase(Kind.AUTH_DETAIL, "Auth banner: {}"),
    Phrase(Kind.AUTH_DETAIL, "Adding public certificate {}"),
    Phrase(Kind.AUTH_DETAIL, "Attempting public-key auth..."),
    Phrase(Kind.AUTH_DETAIL, "Attempting password auth..."),
    Phrase(Kind.AUTH_DETAIL, "Attempting GSS-API auth... (gssapi-with-mic)", "< 5"),
    Phrase(Kind.AUTH_DETAIL, "Attempting GSS-API auth... (gssapi-keyex)", "< 5"),
    Phrase(Kind.AUTH_DETAIL, "GSSAPI failure: {}", "< 5"),
    Phrase(Kind.AUTH_DETAIL, 'Service request "{}" accepted (?)'),
    Phrase(Kind.AUTH_DETAIL, "MSG_SERVICE_ACCEPT received; auth may begin", ">= 3.2"),
    Phrase(Kind.AUTH_DETAIL, "Sending MSG_SERVICE_REQUEST: ssh-userauth", ">= 3.2"),
    Phrase(Kind.AUTH_DETAIL, "Got EXT_INFO: {}"),
    Phrase(Kind.AUTH_DETAIL, "Finalizing pubkey algorithm for key of type {}"),
    Phrase(Kind.AUTH_DETAIL, "Our pubkey algorithm list: {}"),
    Phrase(Kind.AUTH_DETAIL, "Server-side algorithm list: {}"),
    Phrase(Kind.AUTH_DETAIL, "Agreed upon {} pubkey algorithm"),
    Phrase(Kind.AUTH_DETAIL, "No common pubkey algorithms exist! Dying."),
    Phrase(Kind.AUTH_DETAIL, "Server did not send a server-sig-algs list; defaulting to {}"),
    Phrase(Kind.AUTH_DETAIL, "Current key type, {}, is in our preferred list; using that", "3.x, 4.x"),
    Phrase(Kind.AUTH_DETAIL, "{} not in our list - trying first list item instead, {}", "3.x, 4.x"),
    Phrase(Kind.AUTH_DETAIL, "OpenSSH<7.8 + RSA cert = forcing ssh-rsa!", "< 5"),
    Phrase(Kind.AUTH_DETAIL, "NOTE: you may use the 'disabled_algorithms' {}", "< 5"),
    Phrase(Kind.AUTH_DETAIL, "Unable to derive inner_key for agent key of type {}", ">= 3.2"),
    # channel.py, and transport.py where it opens channels
    Phrase(Kind.CHANNEL_OPENING, "Max packet in: {} bytes"),
    Phrase(Kind.CHANNEL_CONFIRMED, "Max packet out: {} bytes"),
    Phrase(Kind.CHANNEL_OPENED, "Secsh channel {} opened."),
    Phrase(Kind.CHANNEL_OPENED, "Secsh channel {} ({}) opened."),
    Phrase(Kind.CHANNEL_REFUSED, "Secsh channel {} open FAILED: {}: {}"),
    Phrase(Kind.CHANNEL_INCOMING, "Incoming forward agent connection"),
    Phrase(Kind.CHANNEL_INCOMING, "Incoming x11 connection from {}"),
    Phrase(Kind.CHANNEL_INCOMING, "Incoming tcp forwarded connection from {}"),
    Phrase(Kind.DETAIL, 'Rejecting "{}" channel request from server.'),
    Phrase(Kind.DETAIL, 'Rejecting "{}" channel request from client.'),
    Phrase(Kind.REQUEST_OK, "Sesch channel {} request ok"),
    Phrase(Kind.REQUEST_UNKNOWN, 'Unhandled channel request "{}"'),
    Phrase(Kind.EOF_SENT, "EOF sent ({})"),
    Phrase(Kind.EOF_RECEIVED, "EOF received ({})"),
    Phrase(Kind.WINDOW, "window up {}"),
    Phrase(Kind.WINDOW, "window down to {}"),
    Phrase(Kind.WINDOW, "addwindow send {}"),
    Phrase(Kind.WINDOW, "addwindow {}"),
    Phrase(Kind.DETAIL, "unknown extended_data type {}; discarding"),
    Phrase(Kind.UNREQUESTED, "Success for unrequested channel! [??]"),
    # global requests
    Phrase(Kind.GLOBAL_SENT, 'Sending global request "{}"'),
    Phrase(Kind.GLOBAL_REPLY, "Global request successful."),
    Phrase(Kind.GLOBAL_REPLY, "Global request denied."),
    Phrase(Kind.GLOBAL_RECEIVED, 'Received global request "{}"'),
    Phrase(Kind.GLOBAL_RECEIVED, 'Rejecting "{}" global request from server.'),
    Phrase(Kind.DETAIL, "Debug msg: {}"),
    # packet.py, with set_hexdump(True)
    Phrase(Kind.PACKET, "Write packet <{}>, length {}"),
    Phrase(Kind.PACKET, "Read packet <{}>, length {}"),
    Phrase(Kind.PACKET, "Got payload ({} bytes, {} padding)"),
    Phrase(Kind.HEX, "OUT: {}"),
    Phrase(Kind.HEX, "IN: {}"),
    # sftp_client.py, sftp_file.py
    Phrase(Kind.SFTP_START, "Opened sftp connection (server version {})"),
    Phrase(Kind.SFTP_END, "sftp session closed."),
    Phrase(Kind.SFTP_OPENED, "open({}) -> {}"),
    *(Phrase(Kind.SFTP_CALL, f"{name.decode()}({{}})") for name in sorted(SFTP_CALLS)),
    Phrase(Kind.SFTP_UNEXPECTED, "Unexpected response #{}"),
    # the server's side: auth_handler.py, server.py, sftp_server.py
    Phrase(Kind.SERVER, "Auth granted ({})."),
    Phrase(Kind.SERVER, "Auth rejected ({})."),
    Phrase(Kind.SERVER, "Auth rejected because the client attempted to change username in mid-flight"),
    Phrase(Kind.SERVER, "Auth rejected: {}"),
    Phrase(Kind.SERVER, "Auth request (type={}) service={}, username={}"),
    Phrase(Kind.SERVER, "Auth request to change passwords (rejected)"),
    Phrase(Kind.SERVER, "Disconnect: Received {}", "< 5"),
    Phrase(Kind.SERVER, "Starting handler for subsystem {}"),
    Phrase(Kind.SERVER, 'Exception in subsystem handler for "{}": {}'),
    Phrase(Kind.SERVER, "Started sftp server on channel {}"),
    Phrase(Kind.SERVER, "EOF -- end of session"),
    Phrase(Kind.SERVER, "Exception on channel: {}"),
    Phrase(Kind.SERVER, "Exception in server processing: {}"),
    Phrase(Kind.SERVER, "Request: {}"),
    # util.tb_strings(): one message for each line
    Phrase(Kind.TRACEBACK, "Traceback (most recent call last):"),
    Phrase(Kind.TRACEBACK, '  File "{}'),
    Phrase(Kind.TRACEBACK, "    {}"),
    Phrase(Kind.TRACEBACK, "During handling of the above exception, another exception occurred:"),
    Phrase(Kind.TRACEBACK, "The above exception was the direct cause of the following exception:"),
)

_KEY_BYTES = 4
_Compiled = tuple[Kind, bytes, "re.Pattern[bytes]"]


def _index() -> tuple[dict[bytes, list[_Compiled]], list[_Compiled]]:
    by_start: dict[bytes, list[_Compiled]] = {}
    anywhere: list[_Compiled] = []
    for phrase in PHRASES:
        literal = phrase.template.split("{}")[0].encode()
        row = (phrase.kind, literal, phrase.pattern())
        if len(literal) >= _KEY_BYTES:
            by_start.setdefault(literal[:_KEY_BYTES], []).append(row)
        else:
            anywhere.append(row)
    return by_start, anywhere


_BY_START, _ANYWHERE = _index()


def recognise(message: bytes) -> tuple[Kind, tuple[bytes, ...]] | None:
    """What a message says, with its values; None if Paramiko logs nothing like it.

    Args:
        message: without the logger's header and without ``[chan N]``.

    Threads: pure.
    """
    for kind, literal, pattern in _BY_START.get(message[:_KEY_BYTES], ()):
        if message.startswith(literal) and (found := pattern.match(message)):
            return kind, found.groups()
    for kind, _, pattern in _ANYWHERE:
        if found := pattern.match(message):
            return kind, found.groups()
    return None


def split_channel(message: bytes) -> tuple[bytes, bytes]:
    """The channel's number and the rest of a message such as ``[chan 12] EOF sent (12)``; b"" where there is none.

    Threads: pure.
    """
    if message.startswith(b"[chan "):
        number, bracket, rest = message[6:].partition(b"] ")
        if bracket:
            return number, rest
    return b"", message
