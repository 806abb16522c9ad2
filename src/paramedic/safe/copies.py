"""The methods of a pool that copy files."""

from __future__ import annotations

import os

from paramedic.safe import copying
from paramedic.safe.dispatch import Dispatcher
from paramedic.safe.result import CommandResult
from paramedic.safe.transfer import CopyResult, Options, Progress, Verify


class Copies:
    """``upload`` and ``download``; :class:`~paramedic.safe.pool.ClientPool` has them.

    Threads: every method may be called by any thread; they block.
    """

    _dispatcher: Dispatcher

    def _run(self, command: str) -> CommandResult:
        raise NotImplementedError

    def upload(
        self,
        local: str | os.PathLike[str],
        remote: str | os.PathLike[str],
        *,
        resume: bool = False,
        preserve: bool = True,
        follow_symlinks: bool = False,
        verify: Verify = "size",
        progress: Progress | None = None,
    ) -> CopyResult:
        """Copies a file or a tree to the host, many requests at once.

        A file is written beside its target and renamed once it is complete: nobody sees half of it.

        Args:
            local: a file or a directory.
            remote: its name there; relative to the home directory; a file goes into it if it is a directory, and
                anything does if it ends with "/".
            resume: go on with what an earlier attempt with ``resume`` left, if the file has not changed.
            preserve: keep permissions (never set-user-id) and times; a directory that is there keeps its own. Without
                it so does a file that is replaced, and what is new is as anything new there.
            follow_symlinks: copy what links in a tree point to, but for directories that they are in; they are skipped
                otherwise.
            verify: compare sizes, or SHA-256 sums too, for which ``sha256sum`` is run there.
            progress: called with path and number of bytes, on the calling thread.

        Raises:
            TransferError: a file was not copied; ``result`` says which were.
            SafeError: there is no connection or no SFTP.

        Threads: any thread but callbacks of futures; several copies at once have a session each. It blocks.
        """
        options = Options(resume=resume, preserve=preserve, follow_symlinks=follow_symlinks, progress=progress)
        return copying.upload(self._dispatcher, self._run, local, remote, options, verify).check()

    def download(
        self,
        remote: str | os.PathLike[str],
        local: str | os.PathLike[str],
        *,
        resume: bool = False,
        preserve: bool = True,
        follow_symlinks: bool = False,
        verify: Verify = "size",
        progress: Progress | None = None,
    ) -> CopyResult:
        """Copies a file or a tree from the host, many requests at once; the arguments are those of :meth:`upload`.

        Args:
            remote: a file or a directory there.
            local: its name here; a file goes into it if it is a directory, and anything does if it ends with "/".
            resume: go on with what an earlier attempt with ``resume`` left.
            preserve: keep permissions (never set-user-id) and times; a directory that is there keeps its own. Without
                it so does a file that is replaced, and what is new is as anything new there.
            follow_symlinks: copy what links in a tree point to, but for directories that they are in; they are skipped
                otherwise.
            verify: compare sizes, or SHA-256 sums too.
            progress: called with path and number of bytes, on the calling thread.

        Raises:
            TransferError: a file was not copied; ``result`` says which were.
            SafeError: there is no connection or no SFTP.

        Threads: any thread but callbacks of futures; several copies at once have a session each. It blocks.
        """
        options = Options(resume=resume, preserve=preserve, follow_symlinks=follow_symlinks, progress=progress)
        return copying.download(self._dispatcher, self._run, remote, local, options, verify).check()
