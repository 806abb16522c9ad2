"""The lab's SFTP: the real file system, or a folder that is shown as the root."""

from __future__ import annotations

import os
import posixpath

import asyncssh


class Files(asyncssh.SFTPServer):
    """The library's server, with relative paths that start in the lab's home as sshd's start in the user's.

    Threads: the event loop's thread only; file operations block it, as they are short.
    """

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], *, home: str, root: str | None) -> None:
        super().__init__(channel, chroot=None if root is None else os.fsencode(root))
        # Under a root of its own the library resolves relative paths against that root
        self._start = None if root is not None else os.fsencode(home)

    def map_path(self, path: bytes) -> bytes:
        """The local path for what the client calls `path`."""
        if self._start is not None:
            path = posixpath.join(self._start, path)
        return super().map_path(path)
