"""What the analysis needs to know of each operation, worked out once per recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from paramedic.analysis.contract import Rule, breaches, rivals
from paramedic.analysis.contract import uses as contract_uses
from paramedic.model.event import ERR, IN, OUT

_REMOTE = {
    "SSHClient": "connect exec_command invoke_shell open_sftp",
    "Transport": "start_client connect open_session open_channel open_sftp_client request_port_forward "
    "cancel_port_forward "
    "global_request renegotiate_keys accept auth_none auth_password auth_publickey auth_interactive "
    "auth_interactive_dumb",
    "Channel": "get_pty invoke_shell exec_command invoke_subsystem recv_exit_status request_x11 recv recv_stderr send "
    "send_stderr sendall sendall_stderr",
    "File": "read readinto readline readlines __next__ write writelines flush",
    "SFTPClient": "listdir listdir_attr listdir_iter open remove rename posix_rename mkdir rmdir stat lstat symlink "
    "chmod chown utime truncate readlink normalize chdir putfo put getfo get",
    "SFTPFile": "close seek stat chmod chown utime truncate check prefetch",
}
_PARAMIKO = (
    "SSHClient",
    "Transport",
    "Channel",
    "File",
    "ChannelStdinFile",
    "SFTPClient",
    "SFTPFile",
    "HostKeys",
    "AgentKey",
)
_OPENS = frozenset(
    "SSHClient.exec_command SSHClient.invoke_shell SSHClient.open_sftp Transport.open_session Transport.open_channel "
    "Transport.open_sftp_client".split()
)
READS = frozenset(
    "Channel.recv Channel.recv_stderr File.read File.readinto File.readline File.readlines File.__next__".split()
)
SFTP_CALLS = frozenset(
    "SFTPClient.listdir SFTPClient.listdir_attr SFTPClient.open SFTPClient.stat SFTPClient.lstat SFTPClient.get "
    "SFTPClient.getfo SFTPClient.put SFTPClient.putfo SFTPClient.remove SFTPClient.rename SFTPClient.mkdir "
    "SFTPClient.rmdir SFTPFile.read SFTPFile.readline SFTPFile.readlines".split()
)
"""Those that wait for an answer, of the many."""
ROUND_TRIPS = frozenset(
    "SFTPClient.listdir SFTPClient.listdir_attr SFTPClient.open SFTPClient.remove SFTPClient.rename SFTPClient.mkdir "
    "SFTPClient.posix_rename SFTPClient.rmdir SFTPClient.stat SFTPClient.lstat SFTPClient.symlink SFTPClient.chmod "
    "SFTPClient.chown SFTPClient.utime SFTPClient.truncate SFTPClient.readlink SFTPClient.normalize SFTPClient.chdir "
    "SFTPFile.stat SFTPFile.close File.read File.readline File.readlines".split()
)
"""Those that do all that they ask by ``SFTPClient._request`` (sftp_client.py), which waits for the answer: put() and
get() also ask ahead."""
OF_STEPS = {
    "_request": ROUND_TRIPS,
    "global_request": frozenset(("Transport.request_port_forward", "Transport.cancel_port_forward")),
}
"""Calls that consist of one inner step of Paramiko's, or of several: who keeps these apart keeps the calls apart."""
WRITES = frozenset("Channel.send Channel.sendall File.write File.writelines File.flush".split())
ENDS_INPUT = frozenset(("ChannelStdinFile.close", "Channel.shutdown", "Channel.shutdown_write"))
BRINGS = frozenset(
    "exec_command invoke_shell open_sftp open_session open_channel read readline readlines recv recv_stderr __next__ "
    "recv_exit_status get put getfo putfo stat listdir listdir_attr listdir_iter open remove rename mkdir".split()
)
"""These need the connection for what they bring. A thread that has written since may have had all that it wanted: the
peer may have told the closer so on a way that we do not see, so a close after that says nothing. That it closed its
channel, or asked how things are, says no more than the use before. But of a channel that the peer has opened the peer
knows the end, and may be this program, too."""
_REGISTERS = frozenset("Transport.request_port_forward Channel.request_x11 Channel.request_forward_agent".split())

_TELLS = frozenset(
    "Channel.resize_pty Channel.update_environment Channel.set_environment_variable Transport.send_ignore".split()
)
"""These wait for no answer, and need the connection's locks to send what they tell."""

CALLS_BACK = frozenset(
    "SSHClient.connect Transport.connect Transport.auth_interactive Transport.auth_interactive_dumb SFTPClient.get "
    "SFTPClient.getfo SFTPClient.put SFTPClient.putfo Transport.start_server".split()
)
"""Operations that run functions of the user's in the caller's own thread: policies, progress callbacks, file
objects."""


@dataclass(frozen=True, slots=True)
class Use:
    """How an operation uses one resource of the contract.

    Attributes:
        resource: the contract's name for it.
        group: how it is used.
        rivals: groups that have to be ordered with it.
        breaches: by the group of a use that it meets, the rule that this breaches.
        whose: what the resource belongs to; see `Whose`.
    """

    resource: str
    group: str
    rivals: tuple[str, ...]
    breaches: Mapping[str, Rule]
    whose: Whose


class Whose(IntEnum):
    """Whose id a resource goes by."""

    CHANNEL = 0
    SFTP = 1
    TRANSPORT = 2
    REPLY = 3  # the transport's, unless no reply is asked for
    ARGUMENT = 4  # a file's, an agent's: in the call's argument
    OBJECT = 5
    CLIENT = 6  # the client's whose connection the transport is


def _whose(resource: str, name: str) -> Whose:
    if resource.startswith("channel."):
        return Whose.CHANNEL
    if resource == "client.life" and name.startswith("Transport."):
        return Whose.CLIENT
    if resource == "transport.reply":
        return Whose.REPLY if name == "Transport.global_request" else Whose.TRANSPORT
    if resource in ("host-keys", "agent"):
        return Whose.ARGUMENT
    return {"sftp": Whose.SFTP, "transport.auth": Whose.TRANSPORT}.get(resource, Whose.OBJECT)


class Waits(IntEnum):
    """For what a call on a channel waits."""

    NOTHING = 0
    STATUS = 1
    ROOM = 2
    DATA = 3


class Operation:
    """One operation's traits.

    Attributes:
        name: "Channel.recv".
        remote: its call may wait for the peer.
        locks: it takes the connection's locks, if only to tell the peer something.
        paramiko: it is a call on one of Paramiko's objects.
        opens: it opens a session.
        reads: it reads a stream of its channel: ``Channel.recv`` and the reading methods of files.
        reads_all: it reads to the end of the stream, or may.
        sends: the peer may answer to what it sent.
        hears: who returns from it may know what the peer has answered.
        brings: it is a use that its thread needs for what it brings, or it writes; see `BRINGS`.
        registers: it gives the transport's thread a handler.
        waits: see `Waits`.
        uses_object: it is a use of its client or transport, and not its connect or close.
        makes: the class of the object that it makes, if it is a constructor.
        uses: what it uses of the contract's resources, by the shape of its object; see `paramedic.analysis.machine`.

    Threads: one thread, the one that drives the machines; nothing here blocks.
    """

    __slots__ = (
        "brings", "hears", "locks", "makes", "name", "opens", "paramiko", "reads", "reads_all",
        "registers", "remote", "sends", "uses", "uses_object", "waits",
    )  # fmt: skip

    def __init__(self, name: str) -> None:
        cls, _, method = name.partition(".")
        self.name = name
        self.remote = method in _REMOTE.get(cls, "").split()
        self.locks = self.remote or name in _TELLS
        self.paramiko = cls in _PARAMIKO
        self.opens = name in _OPENS
        self.reads = name in READS
        self.reads_all = name in ("File.read", "File.readlines")
        self.sends = name in WRITES or name in ENDS_INPUT
        self.brings = self.sends or method in BRINGS
        self.hears = self.reads or name == "Channel.recv_exit_status"
        self.registers = name in _REGISTERS
        self.waits = (
            Waits.STATUS if name == "Channel.recv_exit_status" else
            Waits.ROOM if name in WRITES else Waits.DATA if self.reads else Waits.NOTHING
        )  # fmt: skip
        self.uses_object = self.paramiko and name not in ("SSHClient.close", "Transport.close", "SSHClient.connect")
        self.makes = cls or "object"
        self.uses = (
            self._uses("", 0), *(self._uses("ChannelFile", stream) for stream in (OUT, ERR, IN)),
            self._uses("SFTPFile", 0),
        )  # fmt: skip

    def _uses(self, kind: str, stream: int) -> tuple[Use, ...]:
        return tuple(
            Use(resource, group, rivals(resource, group), breaches(resource, group), _whose(resource, self.name))
            for resource, group in contract_uses(self.name, kind, stream)
        )


def operations(names: Sequence[str]) -> list[Operation]:
    """The traits by number, for the names of a recording's header.

    Threads: pure.
    """
    return [Operation(name) for name in names]
