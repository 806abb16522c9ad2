"""What the analysis needs to know of each operation, worked out once per recording."""

from __future__ import annotations

from collections.abc import Sequence

_REMOTE = {
    "SSHClient": "connect exec_command invoke_shell open_sftp",
    "Transport": "start_client connect open_session open_channel open_sftp_client request_port_forward "
    "cancel_port_forward "
    "global_request renegotiate_keys accept auth_none auth_password auth_publickey auth_interactive "
    "auth_interactive_dumb",
    "Channel": "get_pty invoke_shell exec_command invoke_subsystem recv_exit_status request_x11 recv recv_stderr send "
    "send_stderr sendall sendall_stderr",
    "File": "read readinto readline readlines __next__ write writelines flush",
    "SFTPClient": "listdir listdir_attr open remove rename posix_rename mkdir rmdir stat lstat symlink chmod "
    "chown utime "
    "truncate readlink normalize chdir putfo put getfo get",
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
WRITES = frozenset("Channel.send Channel.sendall File.write File.writelines File.flush".split())


CALLS_BACK = frozenset(
    "SSHClient.connect Transport.connect Transport.auth_interactive Transport.auth_interactive_dumb SFTPClient.get "
    "SFTPClient.getfo SFTPClient.put SFTPClient.putfo Transport.start_server".split()
)
"""Operations that run functions of the user's in the caller's own thread: policies, progress callbacks, file
objects."""


class Operation:
    """One operation's traits.

    Attributes:
        name: "Channel.recv".
        remote: its call may wait for the peer.
        paramiko: it is a call on one of Paramiko's objects.
        opens: it opens a session.
        reads: it reads a stream of its channel: ``Channel.recv`` and the reading methods of files.
        writes: it writes to a channel.
    """

    __slots__ = ("name", "opens", "paramiko", "reads", "remote", "writes")

    def __init__(self, name: str) -> None:
        cls, _, method = name.partition(".")
        self.name = name
        self.remote = method in _REMOTE.get(cls, "").split()
        self.paramiko = cls in _PARAMIKO
        self.opens = name in _OPENS
        self.reads = name in READS
        self.writes = name in WRITES


def operations(names: Sequence[str]) -> list[Operation]:
    """The traits by number, for the names of a recording's header.

    Threads: pure.
    """
    return [Operation(name) for name in names]
