"""The contract of Paramiko's objects: which pairs of calls must not run at the same time.

An operation *uses* resources; a rule says which uses of one resource exclude each other. What no rule names is safe
together. ``docs/explanation/contract.md`` has the long form.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Need(StrEnum):
    """What it takes to say that two uses conflict."""

    UNORDERED = "unordered"
    """That neither a lock nor a hand-over orders them: another run may overlap them."""
    OVERLAP = "overlap"
    """That they overlapped: an order that we cannot see (a flag that is polled) is too likely otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Two groups of uses of one resource that exclude each other.

    Attributes:
        resource: what is shared: "channel.out", "sftp", "client.life" …
        first: groups of the one side.
        second: groups of the other side.
        hazard: what a breach is.
        need: what it takes to say so.
        file: of Paramiko's, that makes it so.
        function: in that file.
        because: what it does there.
    """

    resource: str
    first: frozenset[str]
    second: frozenset[str]
    hazard: str
    need: Need
    file: str
    function: str
    because: str

    @property
    def cite(self) -> str:
        """The Paramiko code that makes it so: file, function, the versions in which it was read, and what it does."""
        return f"{self.file} {self.function} (Paramiko {READ_IN}) {self.because}"


READ_IN = "2.12.0, 3.5.1, 4.0.0, 5.1.0"
"""The versions of Paramiko in whose source every row was read."""


def _rule(
    resource: str, first: str, second: str, hazard: str,
    file: str, function: str, because: str, need: Need = Need.UNORDERED,
) -> Rule:  # fmt: skip
    return Rule(
        resource=resource, first=frozenset(first.split()), second=frozenset(second.split()), hazard=hazard, need=need,
        file=file, function=function, because=because,
    )  # fmt: skip


RULES: tuple[Rule, ...] = (
    _rule(
        "client.life", "connect", "connect", "shared-client-connect",
        "client.py", "SSHClient.connect", "stores self._transport without a lock, and _auth reads it again",
    ),
    _rule(
        "client.life", "connect", "use", "shared-client-connect",
        "client.py", "SSHClient.exec_command", "uses whatever self._transport is at that moment",
        Need.OVERLAP,
    ),
    _rule(
        "client.life", "connect", "early", "shared-client-connect",
        "client.py", "SSHClient.connect", "stores self._transport, which is active then, before anybody has logged in",
        Need.OVERLAP,
    ),
    _rule(
        "transport.auth", "auth", "auth", "shared-client-connect",
        "transport.py", "Transport.auth_publickey", "replaces self.auth_handler, of which there is one",
    ),
    _rule(
        "agent", "sign", "sign", "shared-agent",
        "agent.py", "AgentSSH._send_message", "writes a request and reads a reply without a lock",
    ),
    _rule(
        "channel.out", "read", "read", "shared-channel",
        "buffered_pipe.py", "BufferedPipe.read", "gives the buffered bytes to whoever asks first",
    ),
    _rule(
        "channel.err", "read", "read", "shared-channel",
        "channel.py", "Channel.recv_stderr", "gives the buffered bytes of in_stderr_buffer to whoever asks first",
    ),
    _rule(
        "channel.in", "write", "write", "shared-channel",
        "channel.py", "Channel.sendall", "sends in pieces and lets go of Channel.lock between them",
    ),
    _rule(
        "channel.request", "ask", "ask", "shared-channel",
        "channel.py", "Channel._wait_for_event", "waits for one event, whichever request it answers",
    ),
    _rule(
        "channel.end", "eof", "close", "eof-after-close",
        "channel.py", "Channel.shutdown", "composes EOF under Channel.lock and sends it after letting go",
    ),
    _rule(
        "sftp", "call", "call", "shared-sftp-client",
        "sftp_client.py", "SFTPClient._read_response", "lets whoever waits read any reply, and drops those of others",
    ),
    _rule(
        "sftp", "file", "call", "shared-sftp-client",
        "sftp_file.py", "SFTPFile._read", "asks over its client's channel, and reads replies as the client does",
    ),
    _rule(
        "sftp", "file", "file", "shared-sftp-client",
        "sftp_file.py", "SFTPFile._read", "asks over its client's channel, and reads replies as the client does",
    ),
    _rule(
        "file", "position", "position", "shared-sftp-file",
        "file.py", "BufferedFile.read", "moves the one position and the one buffer that all callers share",
    ),
    _rule(
        "transport.reply", "global", "global", "global-request-race",
        "transport.py", "Transport.global_request", "keeps one completion_event and one global_response",
    ),
    _rule(
        "host-keys", "change", "change", "known-hosts-race",
        "client.py", "SSHClient.save_host_keys", "reads, then truncates and rewrites the file without a lock",
    ),
)  # fmt: skip

_READS = "read readinto readline readlines __next__"
_WRITES = "write writelines"
_ASKS = "get_pty invoke_shell exec_command invoke_subsystem request_x11"
_SFTP_CALLS = (
    "listdir listdir_attr listdir_iter open remove rename posix_rename mkdir rmdir stat lstat symlink chmod chown "
    "utime truncate readlink normalize chdir putfo put getfo get"
)
_SFTP_FILE_CALLS = "close stat chmod chown utime truncate check prefetch"


def _uses() -> dict[str, tuple[tuple[str, str], ...]]:
    table: dict[str, list[tuple[str, str]]] = {}

    def use(cls: str, methods: str, *resources: tuple[str, str]) -> None:
        for method in methods.split():
            table.setdefault(f"{cls}.{method}", []).extend(resources)

    use("SSHClient", "connect", ("client.life", "connect"))
    use("SSHClient", "exec_command invoke_shell open_sftp", ("client.life", "use"))
    use("SSHClient", "save_host_keys", ("host-keys", "change"))
    use("HostKeys", "save", ("host-keys", "change"))
    use("Transport", "request_port_forward cancel_port_forward renegotiate_keys", ("transport.reply", "global"))
    use("Transport", "global_request", ("transport.reply", "global"))
    use("Transport", "open_session open_channel open_sftp_client request_port_forward", ("client.life", "early"))
    use(
        "Transport",
        "auth_none auth_password auth_publickey auth_interactive auth_interactive_dumb",
        ("transport.auth", "auth"),
    )
    use("AgentKey", "sign_ssh_data", ("agent", "sign"))
    use("Channel", "recv", ("channel.out", "read"))
    use("Channel", "recv_stderr", ("channel.err", "read"))
    use("Channel", "send sendall", ("channel.in", "write"))
    use("Channel", _ASKS, ("channel.request", "ask"))
    use("Channel", "shutdown shutdown_write", ("channel.end", "eof"))
    use("ChannelStdinFile", "close", ("channel.end", "eof"))
    use("Channel", "close", ("channel.end", "close"))
    use("SFTPClient", _SFTP_CALLS, ("sftp", "call"))
    use("SFTPFile", _SFTP_FILE_CALLS, ("sftp", "file"))
    # of a file it depends on what it is a file of: see `uses`
    use("File", _READS, ("stream", "read"), ("sftp", "file"), ("file", "position"))
    use("File", _WRITES, ("stream", "write"), ("sftp", "file"), ("file", "position"))
    use("SFTPFile", "seek", ("file", "position"))
    return {name: tuple(resources) for name, resources in table.items()}


_USES = _uses()
_FILE_STREAMS = ("channel.out", "channel.err", "channel.in")


def uses(operation: str, kind: str, stream: int) -> tuple[tuple[str, str], ...]:
    """Which resources an operation uses, and how.

    Args:
        operation: "Channel.recv".
        kind: the class of the object that it was called on; tells channel files from SFTP files.
        stream: of a channel file: 0 stdout, 1 stderr, 2 stdin.

    Threads: pure.
    """
    found = _USES.get(operation, ())
    if operation.startswith("File."):
        if kind == "ChannelFile":
            return tuple((_FILE_STREAMS[stream], group) for resource, group in found if resource == "stream")
        if kind == "SFTPFile":
            return tuple(pair for pair in found if pair[0] != "stream")
        return ()
    return found


def breaches(resource: str, group: str) -> dict[str, Rule]:
    """The rules that a use and another of the same resource breach, if they are not kept apart, by the other's group.

    Threads: pure.
    """
    return {other: rule for (name, one, other), rule in _BREACHES.items() if name == resource and one == group}


def rivals(resource: str, group: str) -> tuple[str, ...]:
    """The groups of uses that a use must not only not overlap, but be ordered with.

    Threads: pure.
    """
    return tuple(
        other for (name, one, other), rule in _BREACHES.items()
        if name == resource and one == group and rule.need is Need.UNORDERED
    )  # fmt: skip


_BREACHES: dict[tuple[str, str, str], Rule] = {
    key: rule
    for rule in RULES
    for a in rule.first
    for b in rule.second
    for key in ((rule.resource, a, b), (rule.resource, b, a))
}
