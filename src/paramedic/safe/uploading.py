"""Files from here to there: jobs for an SFTP session. A file appears under its name only when it is complete."""

from __future__ import annotations

import os
import posixpath
import struct
from collections.abc import Generator, Iterator
from io import FileIO

from paramedic.safe import sftp_packets as sftp
from paramedic.safe.sftp_packets import Attributes, Reply
from paramedic.safe.sftp_session import Job, Request, SftpSession
from paramedic.safe.transfer import FEWEST_REQUESTS, Options, Pieces, Tally, part_name

Step = Generator[list[Request], list[Reply], None]


class Uploader:
    """Makes the jobs of one upload.

    Threads: the thread that drives the session.
    """

    def __init__(self, session: SftpSession, tally: Tally, options: Options) -> None:
        """Keeps what the jobs have in common.

        Threads: any thread; it does not block.
        """
        self._session = session
        self._tally = tally
        self._options = options
        self._atomic = "posix-rename@openssh.com" in session.extensions
        self._made: list[tuple[str, os.stat_result]] = []

    def tree(self, local: str, remote: str) -> Iterator[Job]:
        """Jobs for a directory and all that is in it; directories come before what is in them.

        Threads: the driving thread. It reads directories.
        """
        directories, files = self._walk(local, remote)
        self._session.run([self._directory(path, status) for path, status in directories], at_once=1)
        for here, there in files:
            yield self.file(here, there)

    def finish(self) -> None:
        """Gives the directories that were made their permissions and times, now that nothing more comes into them.

        Threads: the driving thread. It blocks.
        """
        if self._options.preserve:  # what is in a directory comes before it: it may become one that nobody may enter
            self._session.run([self._settle(path, status) for path, status in reversed(self._made)])

    def _settle(self, path: str, status: os.stat_result) -> Job:
        (found,) = yield [(sftp.STAT, sftp.text(path))]
        if found.kind == sftp.ATTRS:
            inherited = (found.expect(sftp.ATTRS).attributes().mode or 0) & 0o7000
            wanted = Attributes(mode=inherited | status.st_mode & 0o3777, mtime=_seconds(status))
            yield [(sftp.SETSTAT, sftp.text(path) + wanted.encode())]  # that it cannot be set is no failure of the copy

    def _walk(self, local: str, remote: str) -> tuple[list[tuple[str, os.stat_result]], list[tuple[str, str]]]:
        follow = self._options.follow_symlinks
        directories: list[tuple[str, os.stat_result]] = []
        files: list[tuple[str, str]] = []
        stack: list[tuple[str, str, frozenset[tuple[int, int]]]] = [(local, remote, frozenset())]
        while stack:
            here, there, above = stack.pop()
            try:
                status = os.stat(here)
                if (status.st_dev, status.st_ino) in above:
                    self._tally.skipped.append(here)  # a link that leads back to where we are
                    continue
                above |= {(status.st_dev, status.st_ino)}
                directories.append((there, status))
                with os.scandir(here) as entries:
                    for entry in sorted(entries, key=lambda entry: entry.name):
                        target = posixpath.join(there, entry.name)
                        if entry.is_symlink() and not follow:
                            self._tally.skipped.append(entry.path)
                        elif entry.is_dir(follow_symlinks=follow):
                            stack.append((entry.path, target, above))
                        elif entry.is_file(follow_symlinks=follow):
                            files.append((entry.path, target))
                        else:
                            self._tally.skipped.append(entry.path)
            except OSError as error:
                self._tally.fail(here, error)
        return directories, files

    def _directory(self, path: str, status: os.stat_result) -> Job:
        mode = status.st_mode & 0o777 | 0o700  # until it is full
        attributes = Attributes(mode=mode) if self._options.preserve else Attributes()
        (made,) = yield [(sftp.MKDIR, sftp.text(path) + attributes.encode())]
        if made.failed() is None:
            self._made.append((path, status))  # one that was there keeps what it has
        else:
            (found,) = yield [(sftp.STAT, sftp.text(path))]
            try:
                if not found.expect(sftp.ATTRS).attributes().is_dir:
                    raise NotADirectoryError(f"{path} is there and is no directory")
            except OSError as error:
                self._tally.fail(path, made.failed() if error.errno == 2 else error)  # type: ignore[arg-type]

    def file(self, local: str, remote: str) -> Job:
        """The job for one file.

        Threads: the driving thread. It reads the file.
        """
        try:
            file = open(local, "rb", buffering=0)
        except OSError as error:
            self._tally.fail(local, error)
            return
        upload = _Upload(self, local, remote, file)
        try:
            yield from upload.begin()
        except OSError as error:
            yield from upload.give_up(error)
        finally:
            upload.leave()


class _Upload:
    """One file under way."""

    def __init__(self, parent: Uploader, local: str, remote: str, file: FileIO) -> None:
        self._session, self._tally, self._options = parent._session, parent._tally, parent._options
        self._atomic = parent._atomic
        self._local, self._remote = local, remote
        self._file = file  # jobs that are dropped before they began leave it to the garbage collector
        self._descriptor = file.fileno()
        self._users = 1
        self._status = os.fstat(self._descriptor)
        self._size = self._status.st_size
        self._mode = self._status.st_mode & 0o777 if self._options.preserve else None
        folder, name = posixpath.split(remote)
        part = part_name(name, self._size, self._status.st_mtime_ns, resume=self._options.resume)
        self._part = posixpath.join(folder, part)
        self._handle = b""
        self._start = 0
        self._pieces = Pieces(0, 0, 1, 1)
        self._writers = 0
        self._failed: OSError | None = None

    def leave(self) -> None:
        self._users -= 1
        if not self._users:
            self._file.close()

    def begin(self) -> Step:
        flags = sftp.FLAG_WRITE | sftp.FLAG_CREATE
        if self._options.resume:
            (found,) = yield [(sftp.STAT, sftp.text(self._part))]
            if found.kind == sftp.ATTRS:
                there = found.expect(sftp.ATTRS).attributes().size or 0
                if there <= self._size:
                    self._start = self._session.without_holes(there, self._session.write_bytes)
                    self._tally.resumed += self._start
        else:
            flags |= sftp.FLAG_TRUNCATE
            self._tally.parts.add(self._part)
        if not self._options.preserve:
            (found,) = yield [(sftp.STAT, sftp.text(self._remote))]
            if found.kind == sftp.ATTRS and (mode := found.expect(sftp.ATTRS).attributes().mode) is not None:
                self._mode = mode & 0o777  # a copy over a file leaves it as private as it was
        private = Attributes() if self._mode is None else Attributes(mode=0o600)  # a new one is as the server makes it
        (opened,) = yield [(sftp.OPEN, sftp.text(self._part) + struct.pack(">I", flags) + private.encode())]
        self._handle = opened.expect(sftp.HANDLE).string()
        piece = self._session.write_bytes
        if not self._size:
            yield from self._to_the_end(piece)
            return
        if self._size - self._start <= piece:
            yield from self._whole()
            return
        most = FEWEST_REQUESTS if self._options.resume else self._session.writes_at_once
        self._pieces = Pieces(self._start, self._size, piece, most)
        self._writers = min(most, self._pieces.count)
        for _ in range(self._writers):
            self._users += 1
            self._session.spawn(self._write())

    def _request(self, at: int, data: bytes) -> Request:
        return sftp.WRITE, sftp.text(self._handle) + struct.pack(">Q", at) + sftp.text(data)

    def _whole(self) -> Step:
        # One round trip for all of it: the server works in order. The name comes later: a write may fail.
        data = os.pread(self._descriptor, self._size - self._start, self._start)
        written, *rest = yield [*([self._request(self._start, data)] if data else []), *self._last_requests()] or []
        replies = [written, *rest]
        for reply in replies[:-3]:
            self._raise(reply)
        self._note(len(data))
        yield from self._judge(replies[-3:])

    def _to_the_end(self, piece: int) -> Step:
        # What is in /proc has no size, and a content all the same.
        while data := os.pread(self._descriptor, piece, self._size):
            (written,) = yield [self._request(self._size, data)]
            self._raise(written)
            self._size += len(data)
            self._note(len(data))
        replies = yield self._last_requests()
        yield from self._judge(replies)

    def _write(self) -> Job:
        last = False
        try:
            while self._failed is None and (piece := self._pieces.take()) is not None:
                at, size = piece
                data = os.pread(self._descriptor, size, at)
                if len(data) < size:
                    self._failed = OSError("the file became shorter while it was copied")
                    break
                (written,) = yield [self._request(at, data)]
                self._raise(written)
                self._pieces.done(at)
                self._note(len(data))
            last = self._writers == 1
        except OSError as error:
            self._failed = self._failed or error
            last = self._writers == 1
        finally:
            self._writers -= 1
            if not last:
                self.leave()
        if last:  # its share of the file goes to the job that finishes
            self._session.spawn(self._finish())

    def _finish(self) -> Job:
        try:
            if self._failed is not None:
                raise self._failed
            replies = yield self._last_requests()
            yield from self._judge(replies)
        except OSError as error:
            yield from self.give_up(error)
        finally:
            self.leave()

    def _last_requests(self) -> list[Request]:
        handle = sftp.text(self._handle)
        attributes = Attributes(
            mode=self._mode,
            mtime=_seconds(self._status) if self._options.preserve else None,
            size=self._size if self._options.resume else None,
        )
        return [(sftp.FSETSTAT, handle + attributes.encode()), (sftp.FSTAT, handle), (sftp.CLOSE, handle)]

    def _judge(self, replies: list[Reply]) -> Step:
        self._handle = b""
        _, stated, closed = replies  # that times or modes cannot be set is no failure of the copy
        self._raise(closed)
        there = stated.expect(sftp.ATTRS).attributes().size
        if there is not None and there != self._size:
            raise OSError(f"{there} bytes arrived of {self._size}")
        names = sftp.text(self._part) + sftp.text(self._remote)
        if self._atomic:
            (renamed,) = yield [(sftp.EXTENDED, sftp.text("posix-rename@openssh.com") + names)]
        else:
            # SFTP 3 renames to free names only; between the two requests the file has no name.
            (renamed,) = yield [(sftp.RENAME, names)]
            if renamed.failed() is not None:
                _, renamed = yield [(sftp.REMOVE, sftp.text(self._remote)), (sftp.RENAME, names)]
        self._raise(renamed)
        self._tally.parts.discard(self._part)
        self._tally.files += 1
        self._tally.bytes += self._size
        self._tally.pairs.append((self._local, self._remote))

    def give_up(self, error: OSError) -> Step:
        self._tally.fail(self._local, error, to=self._remote)
        requests: list[Request] = []
        if self._handle:
            requests.append((sftp.CLOSE, sftp.text(self._handle)))
        if not self._options.resume:
            requests.append((sftp.REMOVE, sftp.text(self._part)))
        if requests:
            yield requests
        self._tally.parts.discard(self._part)

    @staticmethod
    def _raise(reply: Reply) -> None:
        error = reply.failed()
        if error is not None:
            raise error

    def _note(self, count: int) -> None:
        if self._options.progress is not None:
            self._options.progress(self._local, count)


def _seconds(status: os.stat_result) -> int:
    return int(status.st_mtime) & 0xFFFFFFFF  # all that SFTP 3 has room for
