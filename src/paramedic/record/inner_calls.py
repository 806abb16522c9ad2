"""The calls of watched functions that Paramiko itself makes often, which its rewritten code announces.

Why, and what an announcement is: `paramedic.record.patches.Notice`. A call that is not listed here costs more and is
passed over all the same; nothing here needs to be there in a version of Paramiko.

Threads: the thread that starts a recording.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Any

from paramedic.record.patches import Notice, Target

_CALLS: dict[str, str] = {
    "client.SSHClient.exec_command": "open_session settimeout exec_command makefile_stdin",
    "client.SSHClient.invoke_shell": "open_session invoke_shell",
    "client.SSHClient.open_sftp": "open_sftp_client",
    "transport.Transport.open_session": "open_channel",
    "channel.Channel.__del__": "close",
    "channel.Channel.sendall": "send",
    "channel.Channel.sendall_stderr": "send_stderr",
    "channel.Channel.setblocking": "settimeout",
    "channel.Channel.shutdown_read": "shutdown",
    "channel.Channel.shutdown_write": "shutdown",
    "channel.ChannelFile._read": "recv",
    "channel.ChannelFile._write": "sendall",
    "channel.ChannelStderrFile._read": "recv_stderr",
    "channel.ChannelStderrFile._write": "sendall_stderr",
    "channel.ChannelStdinFile.close": "close shutdown_write",
    "file.BufferedFile.__del__": "close",
    "file.BufferedFile.close": "flush",
    "file.BufferedFile.readline": "_read",
    "file.BufferedFile.writelines": "write",
    "sftp.BaseSFTP._read_all": "recv",
    "sftp.BaseSFTP._write_all": "send",
    "sftp_client.SFTPClient._transfer_with_callback": "read write",
    "sftp_client.SFTPClient._read_response": "_read_packet",
    "sftp_client.SFTPClient.close": "close",
    "sftp_client.SFTPClient.get": "getfo",
    "sftp_client.SFTPClient.getfo": "open stat prefetch close",
    "sftp_client.SFTPClient.put": "putfo",
    "sftp_client.SFTPClient.putfo": "file stat close",
    "sftp_file.SFTPFile._close": "close",
    "sftp_file.SFTPFile.seek": "flush",
    "hostkeys.HostKeys.__getitem__": "lookup",
    "hostkeys.HostKeys.check": "lookup",
}
"""What announces which calls, by the names that they are called by."""
_LOCKS = (
    "channel.Channel.__init__",
    "buffered_pipe.BufferedPipe.__init__",
    "sftp_client.SFTPClient.__init__",
    "sftp_file.SFTPFile.__init__",
    "transport.Transport.__init__",
)
"""What makes locks, which are Paramiko's own."""
_ALIASES = {"file": "open"}
"""Such names that a method has beside its own."""


def notices() -> dict[str, Notice]:
    """A notice for each method that is announced."""
    names = {_ALIASES.get(name, name) for names in _CALLS.values() for name in names.split()}
    return {name: Notice() for name in names}


def announcing(
    targets: Iterable[Target],
    paramiko: Any,
    notices: dict[str, Notice],
    makers: Mapping[str, tuple[object, object]] | None = None,
) -> Iterator[Target]:
    """The targets, which announce what they call, and the functions that do only that.

    Args:
        targets: what is to be watched.
        paramiko: the package.
        notices: by the name of a method.
        makers: see `Target`; of locks.
    """
    calls: dict[tuple[Any, str], dict[str, Notice]] = {}
    for full, names in {**_CALLS, **dict.fromkeys(_LOCKS if makers else (), "")}.items():
        home, _, method = full.rpartition(".")
        try:
            owner = attrgetter(home)(paramiko)
        except AttributeError:
            continue
        calls[owner, method] = {name: notices[_ALIASES.get(name, name)] for name in names.split()}
    for target in targets:
        announced = calls.pop((target.owner, target.name), None)
        yield target if announced is None else _with(target, announced, makers)
    for (owner, method), announced in calls.items():
        yield _with(Target(owner, method, only=True), announced, makers)


def _with(target: Target, announced: dict[str, Notice], makers: Mapping[str, tuple[object, object]] | None) -> Target:
    return target._replace(notices=announced) if announced or not makers else target._replace(makers=makers)
