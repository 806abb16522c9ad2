"""What of Paramiko's own doings is passed over as cheaply as can be: the calls and locks that it makes itself.

Threads: the thread that starts a recording.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Any

from paramedic.record.patches import Target

OFTEN = frozenset(
    "Transport.open_session Transport.open_channel Transport.open_sftp_client Channel.exec_command"
    " Channel.invoke_shell Channel.settimeout Channel.close Channel.recv Channel.recv_stderr Channel.send"
    " Channel.send_stderr Channel.sendall Channel.sendall_stderr Channel.shutdown Channel.shutdown_write File.close"
    " File.flush File.read File.write SFTPClient.open SFTPClient.stat SFTPClient.getfo SFTPClient.putfo SFTPFile.close"
    " SFTPFile.prefetch HostKeys.lookup".split()
)
"""Watched functions that Paramiko itself calls as often as programs do, or more. A call of one that is not listed here
costs a little more and is passed over all the same."""
_LOCKS = (
    "channel.Channel.__init__",
    "buffered_pipe.BufferedPipe.__init__",
    "sftp_client.SFTPClient.__init__",
    "sftp_file.SFTPFile.__init__",
    "transport.Transport.__init__",
)
"""What makes locks, which are Paramiko's own; nothing here needs to be there in a version of Paramiko."""


def with_real_locks(
    targets: Iterable[Target], paramiko: Any, makers: Mapping[str, tuple[object, object]]
) -> Iterator[Target]:
    """The targets, and what makes locks of Paramiko's, which then calls the real functions.

    Args:
        targets: what is to be watched.
        paramiko: the package.
        makers: see `Target`; of locks.
    """
    left: set[tuple[Any, str]] = set()
    for full in _LOCKS if makers else ():
        home, _, method = full.rpartition(".")
        try:
            left.add((attrgetter(home)(paramiko), method))
        except AttributeError:
            continue
    for target in targets:
        makes = (target.owner, target.name) in left
        left.discard((target.owner, target.name))
        yield target._replace(makers=makers) if makes else target
    for owner, method in left:
        yield Target(owner, method, makers=makers, only=True)
